// SPDX-License-Identifier: GPL-2.0
/* Seeded random streams: xoshiro256** (Blackman, Vigna; public domain algorithm). */
#include "hmmt.h"

#define GOLDEN	0x9e3779b97f4a7c15ULL

uint64_t hmmt_mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t rotl(uint64_t x, unsigned int n)
{
	return (x << n) | (x >> (64 - n));
}

void hmmt_rng_init(struct hmmt_rng *rng, uint64_t seed, uint64_t stream)
{
	/* Mixed twice: neighbouring seeds and streams must not be related. */
	uint64_t x = hmmt_mix64(seed + GOLDEN) ^ hmmt_mix64(~stream * GOLDEN);
	unsigned int i;

	*rng = (struct hmmt_rng){ 0 };
	for (i = 0; i < 4; i++) {
		x += GOLDEN;
		rng->s[i] = hmmt_mix64(x);
	}
	/* The one state that the generator cannot leave. */
	if (!(rng->s[0] | rng->s[1] | rng->s[2] | rng->s[3]))
		rng->s[0] = GOLDEN;
}

static uint64_t next(struct hmmt_rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t ret = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return ret;
}

/* In [0, @n), or any for 0, from the generator. */
static uint64_t uniform(struct hmmt_rng *rng, uint64_t n)
{
	uint64_t limit, x;

	if (!n)
		return next(rng);
	/* Reject the tail that would favour small values. */
	limit = UINT64_MAX - UINT64_MAX % n;
	do {
		x = next(rng);
	} while (x >= limit);
	return x % n;
}

/*
 * Every draw comes through here. The generator advances also where the tape
 * decides: what comes behind it stays what it was.
 */
static uint64_t draw(struct hmmt_rng *rng, uint64_t n)
{
	unsigned int at = rng->drawn++;
	uint64_t x = uniform(rng, n);

	if (at < rng->tape_len && rng->tape[at] != HMMT_DRAW_ANY)
		x = n && rng->tape[at] >= n ? n - 1 : rng->tape[at];
	else if (rng->dry)
		x = 0;
	if (rng->note)
		rng->note(rng, x, n);
	return x;
}

uint64_t hmmt_rng_u64(struct hmmt_rng *rng)
{
	return draw(rng, 0);
}

uint64_t hmmt_rng_below(struct hmmt_rng *rng, uint64_t n)
{
	return n ? draw(rng, n) : 0;
}

uint64_t hmmt_rng_between(struct hmmt_rng *rng, uint64_t lo, uint64_t hi)
{
	if (lo == 0 && hi == UINT64_MAX)
		return hmmt_rng_u64(rng);
	return lo + hmmt_rng_below(rng, hi - lo + 1);
}

bool hmmt_rng_chance(struct hmmt_rng *rng, unsigned int num, unsigned int den)
{
	return hmmt_rng_below(rng, den) < num;
}
