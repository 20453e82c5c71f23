// SPDX-License-Identifier: GPL-2.0
/*
 * Hot-unplug of device memory, chunk by chunk. What is in the chunk goes back to
 * system memory, whoever it belongs to, and nothing new gets there; then nobody has
 * a page of it. With the last chunk of a pagemap its struct pages go, as when the
 * device is pulled; the first one that comes back brings them back.
 *
 * All under plug_lock: who names device pages by number holds it for reading.
 */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "dmirror.h"

#define DMIRROR_UNPLUG_RETRY	(HZ / 100 ?: 1)

static struct dmirror_chunk *find_chunk(struct dmirror_device *mdevice, u32 nr)
{
	struct dmirror_region *region;

	list_for_each_entry(region, &mdevice->regions, node) {
		if (nr < region->nr_chunks)
			return &region->chunks[nr];
		nr -= region->nr_chunks;
	}
	return NULL;
}

static unsigned int pages_left(struct dmirror_chunk *chunk)
{
	return HPAGE_PMD_NR - READ_ONCE(chunk->nr_free);
}

/* What was allocated before nobody could any more may be under way yet: again and again */
static int drain(struct dmirror *dmirror, struct dmirror_chunk *chunk,
		 struct hmmt_unplug *unplug)
{
	unsigned int ms = unplug->timeout_ms;
	/* the jiffy that has begun does not count */
	unsigned long end = jiffies + msecs_to_jiffies(ms) + !!ms;
	int ret;

	while (pages_left(chunk)) {
		ret = dmirror_evict_chunk(dmirror, chunk, &unplug->migrated);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (!pages_left(chunk))
			break;
		if (time_after_eq(jiffies, end))
			return -EBUSY;
		wait_event_killable_timeout(dmirror->mdevice->drained, !pages_left(chunk),
					    DMIRROR_UNPLUG_RETRY);
	}
	return 0;
}

/* In use again, if it did not get empty: what is left in it has to stay somewhere */
static int chunk_unplug(struct dmirror *dmirror, struct dmirror_chunk *chunk,
			struct hmmt_unplug *unplug)
{
	struct dmirror_device *mdevice = dmirror->mdevice;
	int ret;

	if (chunk->state == CHUNK_UNPLUGGED)
		return -EALREADY;
	dmirror_chunk_set(chunk, CHUNK_LEAVING);
	ret = drain(dmirror, chunk, unplug);
	/* it can only have become less since that gave up */
	unplug->left = pages_left(chunk);
	if (!unplug->left)
		ret = 0;
	dmirror_chunk_set(chunk, ret ? CHUNK_PLUGGED : CHUNK_UNPLUGGED);
	if (ret == -EBUSY)
		dmirror_count(mdevice, unplug_busy);
	if (ret)
		return ret;
	dmirror_count(mdevice, unplugged);
	if (!chunk->region->nr_plugged) {
		memunmap_pages(&chunk->region->pagemap);
		dmirror_count(mdevice, pagemaps_gone);
	}
	return 0;
}

static int chunk_plug(struct dmirror *dmirror, struct dmirror_chunk *chunk)
{
	int ret;

	if (chunk->state == CHUNK_PLUGGED)
		return -EALREADY;
	if (!chunk->region->nr_plugged) {
		ret = dmirror_region_map(chunk->region);
		if (ret)
			return ret;
	}
	dmirror_chunk_set(chunk, CHUNK_PLUGGED);
	dmirror_count(dmirror->mdevice, plugged);
	return 0;
}

int dmirror_unplug(struct dmirror *dmirror, struct hmmt_unplug *unplug)
{
	struct dmirror_chunk *chunk = find_chunk(dmirror->mdevice, unplug->chunk);
	int ret;

	if (!chunk)
		return -ENXIO;
	unplug->pfn = chunk->first_pfn;
	if (down_write_killable(&dmirror->mdevice->plug_lock))
		return -EINTR;
	ret = unplug->flags & HMMT_UNPLUG_PLUG ? chunk_plug(dmirror, chunk) :
						 chunk_unplug(dmirror, chunk, unplug);
	up_write(&dmirror->mdevice->plug_lock);
	return ret;
}
