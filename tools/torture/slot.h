/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is in a slot. Every writer has one aligned 8-byte word in each page:
 * a 24-bit tag that says whose word of which content this is, and a 40-bit
 * sequence number. 0 means never written. Pure functions: see docs/model.md.
 */
#ifndef _TORTURE_SLOT_H
#define _TORTURE_SLOT_H

#include <stdint.h>

#include "../../lib/hmmt.h"

#define MAX_WORKERS	16
/* Slots of a page: the workers', their children's, their grandchildren's. */
#define SLOT_LEVELS	3
#define NR_SLOTS	(SLOT_LEVELS * MAX_WORKERS)
#define SLOT_OF(level, worker)	((level) * MAX_WORKERS + (worker))
/* Not a slot: nobody keeps anything there, negative probes write to it. */
#define SLOT_PROBE	63

#define SLOT_SEQ_BITS	40
#define SLOT_SEQ_MASK	((1ULL << SLOT_SEQ_BITS) - 1)
#define SLOT_GEN_MASK	0xffffffU

enum slot_verdict {
	SLOT_GOOD,
	SLOT_ZERO,	/* nothing there, although something was written */
	SLOT_STALE,	/* an older sequence number: a lost update */
	SLOT_FUTURE,	/* a sequence number that was never stored */
	SLOT_TAG,	/* not this writer's word of this content */
};

/*
 * A cache line each, scattered so that neighbours in number are far apart in
 * the page and worker 0 owns its very last word.
 */
static inline unsigned int slot_offset(unsigned int slot)
{
	if (slot == SLOT_PROBE)
		slot = NR_SLOTS;
	return (slot * 37 + 63) % 64 * 64 + (slot * 5 + 7) % 8 * 8;
}

static inline uint32_t slot_tag(uint64_t seed, uint32_t cell, uint32_t gen,
				unsigned int slot)
{
	uint64_t id = (uint64_t)gen << 40 | (uint64_t)cell << 8 | slot;

	return hmmt_mix64(hmmt_mix64(seed) + id * 0x9e3779b97f4a7c15ULL) & 0xffffff;
}

static inline uint64_t slot_value(uint32_t tag, uint64_t seq)
{
	return (uint64_t)tag << SLOT_SEQ_BITS | (seq & SLOT_SEQ_MASK);
}

/* @val was read when at least @lo was written and at most @hi was started. */
static inline enum slot_verdict slot_check(uint64_t val, uint32_t tag,
					   uint64_t lo, uint64_t hi)
{
	uint64_t seq = val & SLOT_SEQ_MASK;

	if (!val)
		return lo ? SLOT_ZERO : SLOT_GOOD;
	if (val >> SLOT_SEQ_BITS != tag)
		return SLOT_TAG;
	if (seq < lo || !seq)
		return SLOT_STALE;
	if (seq > hi)
		return SLOT_FUTURE;
	return SLOT_GOOD;
}

/* A sequence counter: the content's generation that it counts for, and it. */
static inline uint64_t seq_pack(uint32_t gen, uint64_t seq)
{
	return (uint64_t)gen << SLOT_SEQ_BITS | (seq & SLOT_SEQ_MASK);
}

/* The count of generation @gen: a counter of another generation says 0. */
static inline uint64_t seq_of(uint64_t packed, uint32_t gen)
{
	return packed >> SLOT_SEQ_BITS == gen ? packed & SLOT_SEQ_MASK : 0;
}

#endif
