/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libhmmt: the extended test_hmm driver, and what of /proc and /sys a test of
 * it needs, for C programs.
 *
 * Conventions of every function here:
 *  - 0 or a negative errno comes back, unless a function says otherwise;
 *    predicates return bool. On an error the outputs are not touched.
 *  - Nothing prints, exits, allocates on the heap or keeps hidden state, so
 *    all of it can be used in a child forked by a threaded program.
 *  - Addresses and lengths are in bytes.
 *  - A handle or a stream may be used by several threads only where it says so.
 */
#ifndef _HMMT_H
#define _HMMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../drivers/test_hmm_uapi.h"

#define HMMT_PAGE_SHIFT		12
#define HMMT_PAGE_SIZE		(1UL << HMMT_PAGE_SHIFT)
#define HMMT_PMD_SHIFT		21
#define HMMT_PMD_SIZE		(1UL << HMMT_PMD_SHIFT)
#define HMMT_PMD_PAGES		(HMMT_PMD_SIZE / HMMT_PAGE_SIZE)

/* --- the device (dev.c) -------------------------------------------------- */

/*
 * An open device. The caller owns the memory. It mirrors the process that
 * called hmmt_open(), also when a child inherits it. Threads may share it:
 * there is nothing but the descriptor in it, and the driver locks for itself.
 */
struct hmmt_dev {
	int fd;			/* -1 when not open */
	unsigned int index;	/* N of /dev/hmm_dmirrorN */
};

#define HMMT_DEV_CLOSED	{ .fd = -1 }

/*
 * hmmt_open - open /dev/hmm_dmirror@index for the calling process.
 * ENOENT: no such device (driver not loaded, or fewer devices).
 */
int hmmt_open(struct hmmt_dev *dev, unsigned int index);
/* hmmt_close - close @dev; closing a closed one is allowed. */
void hmmt_close(struct hmmt_dev *dev);
bool hmmt_is_open(const struct hmmt_dev *dev);

/*
 * hmmt_migrate - migrate [addr, addr + len) as @flags (HMMT_MIGRATE_*) say.
 * @res may be NULL. It is filled in on errors too: @res->done says how far
 * the command came. Pages that stayed where they were are no error.
 */
int hmmt_migrate(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		 unsigned int flags, struct hmmt_migrate *res);

/*
 * hmmt_access - the device reads (flags 0) [addr, addr + len) into @buf, or
 * writes @buf there (HMMT_ACCESS_WRITE). Both multiples of 8; a word is never
 * torn. @res may be NULL and is filled in on errors too.
 */
int hmmt_access(const struct hmmt_dev *dev, unsigned long addr, void *buf,
		size_t len, unsigned int flags, struct hmmt_access *res);

/*
 * hmmt_snapshot - one __u16 a page into @out: see HMMT_SNAP_PROT and
 * HMMT_SNAP_ORDER. @out has room for len / HMMT_PAGE_SIZE entries.
 */
int hmmt_snapshot(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		  uint16_t *out);

/* hmmt_stats - counters and present state of the device of @dev. */
int hmmt_stats(const struct hmmt_dev *dev, struct hmmt_stats *stats);
/*
 * hmmt_check - the driver's invariants, @flags are HMMT_CHECK_QUIET or 0. A
 * violation is no error: @check->check is not 0 then.
 */
int hmmt_check(const struct hmmt_dev *dev, unsigned int flags, struct hmmt_check *check);
/* hmmt_check_name - what an HMMT_CHECK_* code means, in words. */
const char *hmmt_check_name(unsigned int check);
/* hmmt_evict - bring everything back to system memory. @res may be NULL. */
int hmmt_evict(const struct hmmt_dev *dev, struct hmmt_evict *res);
/* hmmt_evict_some - as @evict->mode (HMMT_EVICT_*) says; out fields in @evict. */
int hmmt_evict_some(const struct hmmt_dev *dev, struct hmmt_evict *evict);
/*
 * hmmt_unplug - take chunk number @chunk of the device's memory away, trying for @ms,
 * or with HMMT_UNPLUG_PLUG as @flags bring it back. @res may be NULL. It is filled in on
 * errors too: @res->left pages are why, @res->pfn is where.
 */
int hmmt_unplug(const struct hmmt_dev *dev, unsigned int chunk, unsigned int flags,
		unsigned int ms, struct hmmt_unplug *res);
/* hmmt_plug_all - bring back all that is away. Returns how many chunks, or -errno. */
int hmmt_plug_all(const struct hmmt_dev *dev);
/* hmmt_migrate_peer - hmmt_migrate() out of the memory of device number @peer. */
int hmmt_migrate_peer(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		      unsigned int flags, unsigned int peer, struct hmmt_migrate *res);
/* hmmt_tune - fault windows of @dev in bytes: 0 (default), 4096, 65536, 2097152. */
int hmmt_tune(const struct hmmt_dev *dev, size_t cpu_window, size_t dev_window);
/* hmmt_hold - the next migration sleeps at @point (HMMT_HOLD_*) for @ms, once. */
int hmmt_hold(const struct hmmt_dev *dev, unsigned int point, unsigned int ms);
/* hmmt_hold_tell - ... and signals the eventfd @event, which is not 0, when it gets there. */
int hmmt_hold_tell(const struct hmmt_dev *dev, unsigned int point, unsigned int ms, int event);
/* hmmt_inject - make allocations fail; out: what the former setting did. */
int hmmt_inject(const struct hmmt_dev *dev, struct hmmt_inject *inject);
/*
 * hmmt_checksum - as the device sees [addr, addr + len), which are multiples of
 * the page size. @pages: one sum a page, or NULL. @res may be NULL.
 */
int hmmt_checksum(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		  uint64_t *pages, struct hmmt_checksum *res);
/* hmmt_checksum_of - the same of memory of our own; @len a multiple of 8. */
uint64_t hmmt_checksum_of(const void *buf, size_t len);
/* hmmt_pin - pin or release (HMMT_PIN_RELEASE) a range. @res may be NULL. */
int hmmt_pin(const struct hmmt_dev *dev, unsigned long addr, size_t len,
	     unsigned int flags, struct hmmt_pin *res);
/*
 * hmmt_exclusive - take @len bytes for exclusive access by the device, which then
 * reads them into @buf. Ends when a CPU touches them. HMM_DMIRROR_EXCLUSIVE.
 */
int hmmt_exclusive(const struct hmmt_dev *dev, unsigned long addr, void *buf, size_t len);
/* hmmt_wrong_sources - sources of all migrations of @st that broke a promise. */
uint64_t hmmt_wrong_sources(const struct hmmt_stats *st);
/* hmmt_perturb - up to @max PAUSE at each point of the device, 0: off. */
int hmmt_perturb(const struct hmmt_dev *dev, unsigned int max, uint64_t seed);

/*
 * hmmt_catch - this thread waits for @us at its @nth call of a function that is set (calls.c),
 * once; @nth 0: not any more. @caught: how often that came about since load; may be NULL.
 */
int hmmt_catch(const struct hmmt_dev *dev, unsigned int nth, unsigned int us, uint64_t *caught);
/*
 * hmmt_catch_in - set these functions for it, "NAME[,NAME...]", four at most, and only them; nobody
 * else waits there. ENOENT: the kernel has not all of them; EOPNOTSUPP: no function tracer;
 * EINVAL: one cannot be traced.
 */
int hmmt_catch_in(const struct hmmt_dev *dev, const char *names);

/*
 * hmmt_module_load - the module in the file @path. Of the driver test_hmm there is one
 * in each guest: HMMT_MODULE_FILE.
 */
int hmmt_module_load(const char *path, const char *params);
#define HMMT_MODULE_FILE	"/lib/modules/test_hmm.ko"

/* --- waits in kernel functions (calls.c) --------------------------------- */

struct hmmt_function {
	char name[56];
	unsigned int one_in;	/* on average one of so many calls waits */
	unsigned long addr;	/* 0: this kernel has no such function */
};

/*
 * hmmt_functions_parse - a list of configs/perturb: a line is "NAME ONE_IN", "#"
 * starts a comment. Returns how many there are. EINVAL: @line is wrong; E2BIG:
 * more than @max.
 */
int hmmt_functions_parse(const char *text, struct hmmt_function *f, unsigned int max,
			 unsigned int *line);
/* hmmt_functions_find - their addresses, from /proc/kallsyms (root only). */
int hmmt_functions_find(struct hmmt_function *f, unsigned int n);
/*
 * hmmt_calls_set - wait at the entry of these @nr functions only, 0: of none,
 * for up to @pauses PAUSE each time. @call->error says which cannot be had.
 * EOPNOTSUPP: the kernel has no function tracer.
 */
int hmmt_calls_set(const struct hmmt_dev *dev, struct hmmt_call *call, unsigned int nr,
		   unsigned int pauses, uint64_t seed);
/* hmmt_calls_get - what became of them so far. */
int hmmt_calls_get(const struct hmmt_dev *dev, struct hmmt_call *call, unsigned int nr);

/* --- random streams (rng.c) ---------------------------------------------- */

/*
 * xoshiro256**, seeded by splitmix64 from (seed, stream): equal pairs give
 * equal streams on every machine, different streams of one seed are
 * independent. Not for several threads at once.
 */
struct hmmt_rng {
	uint64_t s[4];
	/*
	 * The first @tape_len draws are these, cut to their range, but where
	 * it says HMMT_DRAW_ANY. All NULL and 0 after hmmt_rng_init().
	 */
	const uint64_t *tape;
	unsigned int tape_len;
	unsigned int drawn;	/* so far */
	bool dry;		/* what the tape does not say is 0 */
	/* Told of each draw, @range 0 being that of 64 bits. */
	void (*note)(struct hmmt_rng *rng, uint64_t val, uint64_t range);
};

#define HMMT_DRAW_ANY	UINT64_MAX

void hmmt_rng_init(struct hmmt_rng *rng, uint64_t seed, uint64_t stream);
uint64_t hmmt_rng_u64(struct hmmt_rng *rng);
/* Uniform in [0, n); 0 for n == 0. */
uint64_t hmmt_rng_below(struct hmmt_rng *rng, uint64_t n);
/* Uniform in [lo, hi], lo <= hi. */
uint64_t hmmt_rng_between(struct hmmt_rng *rng, uint64_t lo, uint64_t hi);
/* True in @num of @den cases. */
bool hmmt_rng_chance(struct hmmt_rng *rng, unsigned int num, unsigned int den);
/* A well mixed function of @x (the finaliser of splitmix64). */
uint64_t hmmt_mix64(uint64_t x);

/* --- text (parse.c) ------------------------------------------------------ */

/*
 * hmmt_parse_u64 - all of @s as a number; decimal, 0x hexadecimal. EINVAL:
 * empty, a sign, something behind it; ERANGE: too large.
 */
int hmmt_parse_u64(const char *s, uint64_t *val);
/*
 * hmmt_parse_duration - "250ms", "45s", "5m", "2h", "1h30m", a plain number
 * is seconds; into milliseconds. EINVAL as above and for 0 units.
 */
int hmmt_parse_duration(const char *s, uint64_t *ms);
/*
 * hmmt_parse_field - the number behind @key in @text, a sequence of lines
 * "key: N unit" or "key N". ENOENT: no such key; EINVAL: no number.
 */
int hmmt_parse_field(const char *text, const char *key, uint64_t *val);

/* --- /proc and /sys (proc.c, pagemap.c, bar.c) ---------------------------------- */

/*
 * hmmt_read_file - up to @size - 1 bytes of @path, NUL terminated.
 * Returns the length or -errno.
 */
ssize_t hmmt_read_file(const char *path, char *buf, size_t size);
/* hmmt_stay_on - the calling thread runs on @cpu only. 0 or -errno. */
int hmmt_stay_on(unsigned int cpu);
/* hmmt_write_file - write @text to @path in one write(2). */
int hmmt_write_file(const char *path, const char *text);
/*
 * hmmt_file_field - the number of the line of @path that starts with @key:
 * /proc/meminfo, /proc/vmstat, /proc/PID/status, /proc/PID/smaps_rollup. The
 * unit is that of the file (kB for meminfo and status).
 */
int hmmt_file_field(const char *path, const char *key, uint64_t *val);
/* hmmt_vmstat_fold - fold the per-CPU vmstat differences (needs root). */
int hmmt_vmstat_fold(void);
/*
 * hmmt_drain - let go of the folios that wait in batches of their CPU, for an LRU list
 * or to be mlocked or unlocked, each with a reference. Compaction of all zones is what
 * does it (needs root).
 */
int hmmt_drain(void);
/*
 * hmmt_tables_kb - page tables, without those of init and of this process, where there
 * are no others: what nobody has. Folded before.
 */
int hmmt_tables_kb(uint64_t *kb);

/*
 * hmmt_map_bar - map the memory that this guest shares with a file of the host, told
 * from others by its @size. NULL: there is none of that size.
 */
void *hmmt_map_bar(size_t size);

/* hmmt_mthp_stat - hugepages-@kb kB/stats/@name. */
int hmmt_mthp_stat(unsigned int kb, const char *name, uint64_t *val);
/*
 * hmmt_mthp_usable - may MADV_HUGEPAGE memory get folios of @kb kB? The
 * size's policy, with `inherit' looked up, is neither `never' nor absent.
 */
bool hmmt_mthp_usable(unsigned int kb);
/*
 * hmmt_split_folios - folios that this process has between two addresses are split to
 * @order, which is 0 or 2 to 8; with @around, a page counted from the first of its folio, only
 * what has that page is, and the rest stays as large as can be. Those that somebody holds
 * stay whole: no error. @around -1: none. Needs HMMT_SPLIT_FOLIOS, a file of debugfs.
 */
#define HMMT_SPLIT_FOLIOS	"/sys/kernel/debug/split_huge_pages"
int hmmt_split_folios(unsigned long from, unsigned long to, unsigned int order, int around);

struct hmmt_task_stat {
	char state;		/* as in /proc/PID/stat */
	uint64_t minflt;
	uint64_t majflt;
	uint64_t utime;		/* clock ticks */
	uint64_t stime;
};

/* hmmt_task_stat - of thread @tid of process @pid. ESRCH or ENOENT: gone. */
int hmmt_task_stat(pid_t pid, pid_t tid, struct hmmt_task_stat *stat);
/* hmmt_parse_task_stat - the same, from the text of the file. */
int hmmt_parse_task_stat(const char *text, struct hmmt_task_stat *stat);
/* hmmt_task_stack - the kernel stack (root only). Returns length or -errno. */
ssize_t hmmt_task_stack(pid_t pid, pid_t tid, char *buf, size_t size);

struct hmmt_vma {
	unsigned long start;
	unsigned long end;
	bool read;
	bool write;
	bool shared;
};

/*
 * hmmt_vma_at - the mapping that covers @addr. @maps_fd is an open
 * /proc/PID/maps; threads may share it where the kernel has PROCMAP_QUERY
 * (6.11), else the file is read, which moves its offset. ENOENT: a hole.
 */
int hmmt_vma_at(int maps_fd, unsigned long addr, struct hmmt_vma *vma);

/* A decoded entry of /proc/PID/pagemap (Documentation/.../pagemap.rst). */
struct hmmt_pagemap {
	bool present;
	bool swap;		/* swap, migration or device-private entry */
	bool file_or_shared;
	bool uffd_wp;
	bool exclusive;
	bool soft_dirty;
	uint64_t pfn;		/* 0 without privilege */
	uint64_t swap_pfn;	/* of an entry that holds one, such as of a device */
};

struct hmmt_pagemap hmmt_pagemap_decode(uint64_t entry);
/* hmmt_pagemap_read - @n raw entries from @addr on of process @pid. */
int hmmt_pagemap_read(pid_t pid, unsigned long addr, size_t n, uint64_t *out);
/*
 * hmmt_pagemap_scan - how many of @n pages of ours from @addr on were written to
 * since the last such scan, or -errno. A userfaultfd with UFFD_FEATURE_WP_ASYNC
 * is registered there.
 */
long hmmt_pagemap_scan(unsigned long addr, size_t n);

/* Categories of hmmt_pagemap_regions() (Documentation/.../pagemap.rst, 6.7). */
#define HMMT_PAGE_FILE		(1U << 2)
#define HMMT_PAGE_PRESENT	(1U << 3)
#define HMMT_PAGE_SWAPPED	(1U << 4)

/* As struct page_region of linux/fs.h, which build machines may not have. */
struct hmmt_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

/*
 * hmmt_pagemap_regions - runs of pages of our own in [addr, addr + len) that are of
 * any of the categories @any, at most @n of them, with those of the @wanted
 * categories that they have. Returns their number; ENOTTY: the kernel has none of it.
 */
int hmmt_pagemap_regions(unsigned long addr, size_t len, uint64_t any, uint64_t wanted,
			 struct hmmt_region *out, size_t n);

/* --- swap (swap.c) -------------------------------------------------------- */

#define HMMT_SWAP_FILE	"/dev/zram0"

/* hmmt_swap_on - swap of @mib MiB. EBUSY: it is there already. */
int hmmt_swap_on(unsigned int mib);
/*
 * hmmt_swap_out - to swap with [at, at + len) of our own. EBUSY: the first page would
 * not go.
 */
int hmmt_swap_out(void *at, size_t len);
/* hmmt_swap_off - as if it had never been. */
int hmmt_swap_off(void);

#endif /* _HMMT_H */
