// SPDX-License-Identifier: GPL-2.0
/*
 * Access by the device: through the device page table, with device faults for
 * what is not in it. Reading, writing and the checksum differ in what they do
 * with the memory that they get to.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"
#include "trace.h"

#define DMIRROR_BOUNCE_SIZE	SZ_64K

/*
 * The first page of @range that came without the write permission asked for,
 * or its end. hmm_range_fault() is to fail instead, but stock kernels hand out
 * read-only device-private entries (docs/findings/hmm-no-write.md).
 */
static unsigned long first_read_only(struct dmirror *dmirror,
				     const struct hmm_range *range)
{
	unsigned long addr = range->start;
	unsigned long i;

	for (i = 0; addr < range->end; i++, addr += PAGE_SIZE) {
		dmirror_count(dmirror->mdevice, hmm_write_checked);
		if (!(range->hmm_pfns[i] & HMM_PFN_WRITE)) {
			dmirror_count(dmirror->mdevice, hmm_no_write);
			break;
		}
	}
	return addr;
}

/* Make the CPU take the write fault: it breaks COW, or says that it may not */
static int write_fault(struct dmirror *dmirror, unsigned long addr)
{
	struct mm_struct *mm = dmirror->notifier.mm;
	bool unlocked = false;
	int ret;

	mmap_read_lock(mm);
	ret = fixup_user_fault(mm, addr, FAULT_FLAG_WRITE | FAULT_FLAG_REMOTE,
			       &unlocked);
	mmap_read_unlock(mm);
	return ret;
}

/* An access by the device, and the arrays that it takes */
struct dmirror_io {
	struct dmirror_call	*call;
	bool			write;
	u64			end;		/* of the access */
	enum dmirror_fill	fill;
	/* does its part with @n bytes, @pos from the start; never across a page */
	void			(*move)(struct dmirror_io *io, void *mem, size_t n,
					size_t pos);
	void			*buf;		/* of a step */
	u64			sum;
	u64			faults;
	unsigned long		*hmm_pfns;
};

/* Device fault on [start, end), which is inside one PMD */
static int dmirror_fault(struct dmirror_io *io, unsigned long start,
			 unsigned long end)
{
	struct dmirror *dmirror = io->call->dmirror;
	unsigned long window = READ_ONCE(dmirror->dev_window);
	struct hmm_range range = {
		.notifier = &dmirror->notifier,
		.start = start,
		.end = window ? min(end, ALIGN(start + 1, window)) : end,
		.hmm_pfns = io->hmm_pfns,
		.dev_private_owner = dmirror->mdevice,
	};
	unsigned long addr;
	int ret;

	if (io->fill != FILL_FROM_DEVICE)
		range.default_flags = HMM_PFN_REQ_FAULT |
				      (io->write ? HMM_PFN_REQ_WRITE : 0);
	memset(io->hmm_pfns, 0, HPAGE_PMD_NR * sizeof(*io->hmm_pfns));
	ret = dmirror_range_fault(io->call, &range, io->fill == FILL_FAULT_UNLOCKED);
	trace_dmirror_fault(dmirror->mdevice->id, start, range.end, io->write, ret);
	if (ret)
		return ret;
	addr = io->write ? first_read_only(dmirror, &range) : range.end;
	ret = dmirror_pt_fill(dmirror, &range);
	mutex_unlock(&dmirror->lock);
	if (!ret && addr != range.end)
		ret = write_fault(dmirror, addr);
	return ret;
}

/*
 * Move up to @len bytes at @addr through the device page table, as far as it
 * has what is needed. Returns how many were moved. @dmirror->lock is held.
 */
static size_t pt_access(struct dmirror_io *io, unsigned long addr, size_t len,
			size_t pos)
{
	struct dmirror *dmirror = io->call->dmirror;
	size_t done, n;

	for (done = 0; done < len; done += n) {
		unsigned long vpn = (addr + done) >> PAGE_SHIFT;
		size_t offset = offset_in_page(addr + done);
		void *entry = xa_load(&dmirror->pt, vpn);
		struct page *page;
		unsigned long dpte;
		void *mem;

		if (!entry)
			break;
		dpte = xa_to_value(entry);
		if (io->write && !(dpte & DPTE_WRITE))
			break;
		page = pfn_to_page(dpte_pfn(dpte, vpn));
		if (io->fill == FILL_FROM_DEVICE &&
		    !(is_zone_device_page(page) && dmirror_is_local(dmirror, page)))
			break;
		if (io->write)
			/*
			 * as hardware: the CPU's entry may have been cleaned. A migration
			 * takes the bit along; memory that MADV_FREE gave up is kept by it
			 */
			set_page_dirty(page);
		if (is_device_private_page(page))
			page = dmirror_backing(page);

		n = min(len - done, PAGE_SIZE - offset);
		mem = kmap_local_page(page);
		io->move(io, mem + offset, n, pos + done);
		kunmap_local(mem);
	}
	return done;
}

/*
 * Move [addr, addr + len), which is inside one PMD; @done says how much was.
 * EBUSY: the faults succeed and still nothing moves. ENOENT: FILL_FROM_DEVICE,
 * and the device has it not.
 */
static int io_step(struct dmirror_io *io, unsigned long addr, size_t len,
		   size_t *done)
{
	struct dmirror *dmirror = io->call->dmirror;
	unsigned long timeout = jiffies + DMIRROR_FAULT_TIMEOUT;
	bool looked = false;
	size_t n;
	int ret;

	*done = 0;
	for (;; looked = true) {
		/* also where nothing faults: memory mapped many times is endless */
		ret = dmirror_stop(io->call);
		if (ret)
			return ret;
		mutex_lock(&dmirror->lock);
		n = pt_access(io, addr + *done, len - *done, *done);
		mutex_unlock(&dmirror->lock);
		*done += n;
		if (*done == len)
			return 0;
		if (io->fill == FILL_FROM_DEVICE && looked && !n)
			return -ENOENT;
		if (time_after(jiffies, timeout))
			return -EBUSY;
		io->faults++;
		/* more than this step needs: an entry of PMD order if it can be */
		ret = dmirror_fault(io, (addr + *done) & PAGE_MASK,
				    min(PAGE_ALIGN(io->end),
					ALIGN(addr + 1, HPAGE_PMD_SIZE)));
		if (ret)
			return ret;
	}
}

static int io_begin(struct dmirror_io *io, size_t buf_size)
{
	struct dmirror *dmirror = io->call->dmirror;

	if (!mmget_not_zero(dmirror->notifier.mm))
		return -ESRCH;
	io->buf = dmirror_array(dmirror, buf_size, 1);
	io->hmm_pfns = dmirror_array(dmirror, HPAGE_PMD_NR, sizeof(*io->hmm_pfns));
	return io->buf && io->hmm_pfns ? 0 : -ENOMEM;
}

static void io_end(struct dmirror_io *io)
{
	kvfree(io->hmm_pfns);
	kvfree(io->buf);
	mmput(io->call->dmirror->notifier.mm);
}

/* Words are moved whole: a reader never sees half of one */
void dmirror_copy_words(u64 *to, const u64 *from, size_t len)
{
	for (; len; len -= sizeof(*to))
		WRITE_ONCE(*to++, READ_ONCE(*from++));
}

static void move_read(struct dmirror_io *io, void *mem, size_t n, size_t pos)
{
	dmirror_copy_words(io->buf + pos, mem, n);
}

static void move_write(struct dmirror_io *io, void *mem, size_t n, size_t pos)
{
	dmirror_copy_words(mem, io->buf + pos, n);
}

/* Whole pages: the range is page aligned */
static void move_sum(struct dmirror_io *io, void *mem, size_t n, size_t pos)
{
	u64 *sums = io->buf, sum = io->sum, page_sum = HMMT_CHECKSUM_INIT;
	const u64 *word = mem;

	for (; n; n -= sizeof(*word), word++) {
		u64 value = READ_ONCE(*word);

		sum = hmmt_checksum_step(sum, value);
		page_sum = hmmt_checksum_step(page_sum, value);
	}
	io->sum = sum;
	sums[pos >> PAGE_SHIFT] = page_sum;
}

/* The first @max bytes of what is left, none of it behind the PMD's end */
static size_t step_len(u64 addr, u64 end, size_t max)
{
	return min3(end - addr, (u64)max, ALIGN(addr + 1, HPAGE_PMD_SIZE) - addr);
}

int dmirror_access(struct dmirror_call *call, struct hmmt_access *access,
		   enum dmirror_fill fill)
{
	void __user *uptr = u64_to_user_ptr(access->ptr);
	size_t max = min_t(u64, access->len, DMIRROR_BOUNCE_SIZE);
	struct dmirror_io io = {
		.call = call,
		.write = access->flags & HMMT_ACCESS_WRITE,
		.end = access->addr + access->len,
		.fill = fill,
	};
	int ret;

	io.move = io.write ? move_write : move_read;
	ret = io_begin(&io, max);
	if (ret == -ESRCH)
		return ret;
	while (!ret && access->done < access->len) {
		u64 addr = access->addr + access->done;
		size_t n = step_len(addr, access->addr + access->len, max);
		size_t done;

		if (io.write && copy_from_user(io.buf, uptr + access->done, n)) {
			ret = -EFAULT;
			break;
		}
		ret = io_step(&io, addr, n, &done);
		if (!io.write && copy_to_user(uptr + access->done, io.buf, done))
			ret = -EFAULT;
		else
			access->done += done;
	}
	access->faults = io.faults;
	io_end(&io);
	return ret;
}

int dmirror_checksum(struct dmirror_call *call, struct hmmt_checksum *checksum)
{
	u64 __user *uptr = u64_to_user_ptr(checksum->ptr);
	struct dmirror_io io = {
		.call = call, .move = move_sum, .sum = HMMT_CHECKSUM_INIT,
		.end = checksum->addr + checksum->len,
	};
	int ret;

	ret = io_begin(&io, HPAGE_PMD_NR * sizeof(u64));
	if (ret == -ESRCH)
		return ret;
	while (!ret && checksum->done < checksum->len) {
		u64 addr = checksum->addr + checksum->done;
		size_t n = step_len(addr, checksum->addr + checksum->len,
				    HPAGE_PMD_SIZE);
		size_t done;

		ret = io_step(&io, addr, n, &done);
		if (checksum->ptr &&
		    copy_to_user(uptr + (checksum->done >> PAGE_SHIFT), io.buf,
				 (done >> PAGE_SHIFT) * sizeof(u64)))
			ret = -EFAULT;
		else
			checksum->done += done;
	}
	checksum->faults = io.faults;
	checksum->sum = io.sum;
	io_end(&io);
	return ret;
}
