// SPDX-License-Identifier: GPL-2.0
/*
 * The user interface: one table row and one handler a command.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"

static bool range_ok(u64 addr, u64 len, u64 align)
{
	u64 end;

	return len && IS_ALIGNED(addr | len, align) &&
	       !check_add_overflow(addr, len, &end) && end <= TASK_SIZE_MAX;
}

/* The range of a stock command, as bytes. Pages are counted there. */
static int stock_range(const struct hmm_dmirror_cmd *cmd, u64 *len)
{
	if (cmd->npages > ULONG_MAX >> PAGE_SHIFT)
		return -EINVAL;
	*len = cmd->npages << PAGE_SHIFT;
	return range_ok(cmd->addr, *len, PAGE_SIZE) ? 0 : -EINVAL;
}

static int stock_access(struct dmirror_call *call, struct hmm_dmirror_cmd *cmd,
			u32 flags, enum dmirror_fill fill)
{
	struct hmmt_access access = {
		.addr = cmd->addr, .ptr = cmd->ptr, .flags = flags,
	};
	int ret;

	ret = stock_range(cmd, &access.len);
	if (ret)
		return ret;
	ret = dmirror_access(call, &access, fill);
	cmd->cpages = access.done >> PAGE_SHIFT;
	/* stock faults in the whole range at once, and so at most once */
	cmd->faults = !!access.faults;
	return ret;
}

static int stock_read(struct dmirror_call *call, union dmirror_arg *arg)
{
	return stock_access(call, &arg->cmd, 0, FILL_FAULT);
}

static int stock_read_unlocked(struct dmirror_call *call, union dmirror_arg *arg)
{
	if (!dmirror_can_fault_unlocked())
		return -ENOTTY;
	return stock_access(call, &arg->cmd, 0, FILL_FAULT_UNLOCKED);
}

static int stock_write(struct dmirror_call *call, union dmirror_arg *arg)
{
	return stock_access(call, &arg->cmd, HMMT_ACCESS_WRITE, FILL_FAULT);
}

static int stock_migrate(struct dmirror_call *call, struct hmm_dmirror_cmd *cmd,
			 u32 flags)
{
	struct hmmt_migrate migrate = { .addr = cmd->addr, .flags = flags };
	int ret;

	ret = stock_range(cmd, &migrate.len);
	if (ret)
		return ret;
	ret = dmirror_migrate(call, &migrate);
	cmd->cpages = migrate.migrated;
	return ret == -EFAULT ? -EINVAL : ret;
}

static bool range_readable(struct mm_struct *mm, unsigned long addr,
			   unsigned long end)
{
	struct vm_area_struct *vma = NULL;

	mmap_read_lock(mm);
	for (; addr < end; addr = vma->vm_end) {
		vma = vma_lookup(mm, addr);
		if (!vma || !(vma->vm_flags & VM_READ))
			break;
	}
	mmap_read_unlock(mm);
	return addr >= end;
}

/*
 * The stock command refuses what cannot be read, and hands back the data of
 * what is in the device then, for verification.
 */
static int stock_migrate_to_dev(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct mm_struct *mm = call->dmirror->notifier.mm;
	struct hmm_dmirror_cmd *cmd = &arg->cmd;
	bool readable;
	u64 len;
	int ret;

	ret = stock_range(cmd, &len);
	if (ret)
		return ret;
	if (!mmget_not_zero(mm))
		return -EINVAL;
	readable = range_readable(mm, cmd->addr, cmd->addr + len);
	mmput(mm);
	if (!readable)
		return -EINVAL;
	return stock_migrate(call, cmd, 0) ?:
	       stock_access(call, cmd, 0, FILL_FROM_DEVICE);
}

static int stock_migrate_to_sys(struct dmirror_call *call, union dmirror_arg *arg)
{
	return stock_migrate(call, &arg->cmd, HMMT_MIGRATE_TO_SYS);
}

static int stock_snapshot(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmm_dmirror_cmd *cmd = &arg->cmd;
	struct hmmt_snapshot snap = { .addr = cmd->addr, .ptr = cmd->ptr };
	int ret;

	ret = stock_range(cmd, &snap.len);
	if (ret)
		return ret;
	ret = dmirror_snapshot(call, &snap, true);
	cmd->cpages = snap.done >> PAGE_SHIFT;
	return ret;
}

static int stock_exclusive(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmm_dmirror_cmd *cmd = &arg->cmd;
	u64 len;
	int ret;

	ret = stock_range(cmd, &len);
	if (ret)
		return ret;
	return dmirror_exclusive(call->dmirror, cmd->addr, cmd->addr + len) ?:
	       stock_access(call, cmd, 0, FILL_FAULT);
}

static int stock_check_exclusive(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmm_dmirror_cmd *cmd = &arg->cmd;
	u64 len;
	int ret;

	ret = stock_range(cmd, &len);
	if (ret)
		return ret;
	return dmirror_is_exclusive(call->dmirror, cmd->addr, cmd->addr + len) ?
	       -EPERM : 0;
}

static int stock_release(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_evict evict = {};

	return dmirror_evict(call->dmirror->mdevice, call->dmirror, &evict);
}

static int stock_flags(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_inject inject = {};

	if (arg->cmd.npages & ~HMM_DMIRROR_FLAG_FAIL_ALLOC)
		return -EINVAL;
	if (arg->cmd.npages)
		inject = (struct hmmt_inject) {
			.sites = HMMT_SITE_DEV_THP | HMMT_SITE_DEV_BASE |
				 HMMT_SITE_SYS_THP | HMMT_SITE_SYS_BASE,
			.nth = 1,
		};
	/* stock falls back to base pages, which here are all there is */
	if (call->dmirror->mdevice->coherent)
		inject.sites &= ~HMMT_SITE_DEV_BASE;
	return dmirror_inject(call->dmirror, &inject);
}

static int do_migrate(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_migrate *migrate = &arg->migrate;
	const u32 flags = HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_BASE |
			  HMMT_MIGRATE_SPLIT | HMMT_MIGRATE_DROP |
			  HMMT_MIGRATE_PARTIAL_HOLE | HMMT_MIGRATE_PEER |
			  HMMT_MIGRATE_JOIN;
	const u32 peer_to_sys = HMMT_MIGRATE_PEER | HMMT_MIGRATE_TO_SYS;

	if (migrate->flags & ~flags ||
	    (migrate->flags & peer_to_sys) == peer_to_sys ||
	    (migrate->peer && !(migrate->flags & HMMT_MIGRATE_PEER)) ||
	    !range_ok(migrate->addr, migrate->len, PAGE_SIZE))
		return -EINVAL;
	memset_after(migrate, 0, peer);
	return dmirror_migrate(call, migrate);
}

static int do_access(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_access *access = &arg->access;

	if (access->flags & ~(HMMT_ACCESS_WRITE | HMMT_ACCESS_DMA) || access->reserved ||
	    !range_ok(access->addr, access->len, sizeof(u64)))
		return -EINVAL;
	memset_after(access, 0, reserved);
	return access->flags & HMMT_ACCESS_DMA ? dmirror_dma(call, access) :
						 dmirror_access(call, access, FILL_FAULT);
}

static int do_snapshot(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_snapshot *snap = &arg->snapshot;

	if (snap->flags || snap->reserved ||
	    !range_ok(snap->addr, snap->len, PAGE_SIZE))
		return -EINVAL;
	memset_after(snap, 0, reserved);
	return dmirror_snapshot(call, snap, false);
}

static int do_stats(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct dmirror_device *mdevice = call->dmirror->mdevice;
	struct hmmt_stats *stats = &arg->stats;
	u64 *counters = (void *)stats + DMIRROR_COUNTERS_OFFSET;
	unsigned int i;

	memset(stats, 0, sizeof(*stats));
	dmirror_devmem_state(mdevice, stats);
	stats->mirrors = READ_ONCE(mdevice->nr_mirrors);
	stats->compound = dmirror_can_compound() && !mdevice->coherent;
	for (i = 0; i < DMIRROR_NR_COUNTERS; i++)
		counters[i] = atomic64_read(&mdevice->count[i]);
	return 0;
}

static int do_check(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_check *check = &arg->check;
	unsigned int bust = (check->flags & HMMT_CHECK_BUST_MASK) >> 8;
	bool bust_pt = bust == HMMT_CHECK_PT_FREE || bust == HMMT_CHECK_PT_ENTRY;
	int ret;

	if (check->flags & ~(HMMT_CHECK_QUIET | HMMT_CHECK_BUST_MASK) ||
	    bust >= HMMT_NR_CHECKS)
		return -EINVAL;
	if (bust && !READ_ONCE(dmirror_bust))
		return -EPERM;
	*check = (struct hmmt_check) { .flags = check->flags };
	ret = dmirror_devmem_check(call->dmirror->mdevice, check,
				   bust_pt ? 0 : bust);
	if (ret || check->check)
		return ret;
	return dmirror_mirror_check(call->dmirror, check, bust_pt ? bust : 0);
}

static int do_evict(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_evict *evict = &arg->evict;
	bool by_pfn = evict->mode == HMMT_EVICT_CHUNK ||
		      evict->mode == HMMT_EVICT_RANGE;
	bool by_nr = evict->mode == HMMT_EVICT_RANGE ||
		     evict->mode == HMMT_EVICT_PFNS;

	if (evict->mode > HMMT_EVICT_PFNS ||
	    evict->flags & ~(HMMT_EVICT_UNUSED | HMMT_EVICT_BASE) ||
	    (evict->pfn && !by_pfn) || (evict->nr && !by_nr) ||
	    (evict->ptr && evict->mode != HMMT_EVICT_PFNS))
		return -EINVAL;
	memset_after(evict, 0, ptr);
	return dmirror_evict(call->dmirror->mdevice, call->dmirror, evict);
}

static int do_tune(struct dmirror_call *call, union dmirror_arg *arg)
{
	return dmirror_tune(call->dmirror, &arg->tune);
}

static int do_inject(struct dmirror_call *call, union dmirror_arg *arg)
{
	return dmirror_inject(call->dmirror, &arg->inject);
}

static int do_checksum(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_checksum *checksum = &arg->checksum;

	if (checksum->flags || checksum->reserved ||
	    !range_ok(checksum->addr, checksum->len, PAGE_SIZE))
		return -EINVAL;
	memset_after(checksum, 0, reserved);
	return dmirror_checksum(call, checksum);
}

static int do_pin(struct dmirror_call *call, union dmirror_arg *arg)
{
	const u32 flags = HMMT_PIN_WRITE | HMMT_PIN_LONGTERM | HMMT_PIN_RELEASE;
	struct hmmt_pin *pin = &arg->pin;
	bool all = pin->flags & HMMT_PIN_RELEASE && !pin->addr && !pin->len;

	if (pin->flags & ~flags || pin->reserved ||
	    (pin->flags & HMMT_PIN_RELEASE && pin->flags != HMMT_PIN_RELEASE) ||
	    (!all && !range_ok(pin->addr, pin->len, PAGE_SIZE)))
		return -EINVAL;
	memset_after(pin, 0, reserved);
	return dmirror_pin(call->dmirror, pin);
}

static int do_perturb(struct dmirror_call *call, union dmirror_arg *arg)
{
	return dmirror_perturb_set(call->dmirror->mdevice, &arg->perturb);
}

static int do_calls(struct dmirror_call *call, union dmirror_arg *arg)
{
	return dmirror_calls(&arg->calls);
}

static int do_catch(struct dmirror_call *call, union dmirror_arg *arg)
{
	return dmirror_catch(&arg->catch);
}

static int do_api(struct dmirror_call *call, union dmirror_arg *arg)
{
	struct hmmt_api *api = &arg->api;

	if (api->flags & ~HMMT_API_RUN || !PAGE_ALIGNED(api->addr))
		return -EINVAL;
	if (api->flags & HMMT_API_RUN && !READ_ONCE(dmirror_bust))
		return -EPERM;
	memset_after(api, 0, addr);
	return dmirror_api(call->dmirror, api);
}

static int do_unplug(struct dmirror_call *call, union dmirror_arg *arg)
{
	const u32 plug = HMMT_UNPLUG_PLUG;
	struct hmmt_unplug *unplug = &arg->unplug;

	if (unplug->flags & ~plug || unplug->reserved ||
	    unplug->timeout_ms > DMIRROR_UNPLUG_MAX ||
	    (unplug->flags & plug && unplug->timeout_ms))
		return -EINVAL;
	memset_after(unplug, 0, reserved);
	return dmirror_unplug(call->dmirror, unplug);
}

#define UP_TO(_struct, _last)	offsetofend(struct _struct, _last)
#define STOCK_SIZE		UP_TO(hmm_dmirror_cmd, faults)

static const struct dmirror_command dmirror_commands[] = {
	{ HMM_DMIRROR_READ, STOCK_SIZE, stock_read },
	{ HMM_DMIRROR_WRITE, STOCK_SIZE, stock_write },
	{ HMM_DMIRROR_MIGRATE_TO_DEV, STOCK_SIZE, stock_migrate_to_dev },
	{ HMM_DMIRROR_MIGRATE_TO_SYS, STOCK_SIZE, stock_migrate_to_sys },
	{ HMM_DMIRROR_SNAPSHOT, STOCK_SIZE, stock_snapshot },
	{ HMM_DMIRROR_EXCLUSIVE, STOCK_SIZE, stock_exclusive },
	{ HMM_DMIRROR_CHECK_EXCLUSIVE, STOCK_SIZE, stock_check_exclusive },
	{ HMM_DMIRROR_RELEASE, STOCK_SIZE, stock_release },
	{ HMM_DMIRROR_FLAGS, STOCK_SIZE, stock_flags },
	{ HMM_DMIRROR_READ_UNLOCKED, STOCK_SIZE, stock_read_unlocked },
	{ HMMT_MIGRATE, UP_TO(hmmt_migrate, nomem), do_migrate, .uring = true },
	{ HMMT_ACCESS, UP_TO(hmmt_access, faults), do_access, .uring = true },
	{ HMMT_SNAPSHOT, UP_TO(hmmt_snapshot, done), do_snapshot },
	{ HMMT_STATS, UP_TO(hmmt_stats, compound), do_stats },
	{ HMMT_CHECK, UP_TO(hmmt_check, found), do_check },
	{ HMMT_EVICT, UP_TO(hmmt_evict, left), do_evict },
	{ HMMT_TUNE, UP_TO(hmmt_tune, event), do_tune },
	{ HMMT_INJECT, UP_TO(hmmt_inject, failed), do_inject },
	{ HMMT_CHECKSUM, UP_TO(hmmt_checksum, sum), do_checksum, .uring = true },
	{ HMMT_PIN, UP_TO(hmmt_pin, held), do_pin },
	{ HMMT_PERTURB, UP_TO(hmmt_perturb, points), do_perturb },
	{ HMMT_CALLS, UP_TO(hmmt_calls, seed), do_calls },
	{ HMMT_UNPLUG, UP_TO(hmmt_unplug, left), do_unplug },
	{ HMMT_API, UP_TO(hmmt_api, name), do_api },
	{ HMMT_CATCH, UP_TO(hmmt_catch, caught), do_catch },
};

/* The size in @cmd is the caller's and may differ. NULL: no such command. */
const struct dmirror_command *dmirror_command_find(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dmirror_commands); i++)
		if (_IOC_TYPE(dmirror_commands[i].cmd) == _IOC_TYPE(cmd) &&
		    _IOC_NR(dmirror_commands[i].cmd) == _IOC_NR(cmd) &&
		    _IOC_DIR(dmirror_commands[i].cmd) == _IOC_DIR(cmd))
			return &dmirror_commands[i];
	return NULL;
}

/* Get the argument struct from the user; @arg is zeros before */
int dmirror_command_read(const struct dmirror_command *command,
			 union dmirror_arg *arg, void __user *user, size_t usize)
{
	if (usize < command->min_size)
		return -EINVAL;
	if (!(_IOC_DIR(command->cmd) & _IOC_WRITE))
		return 0;
	return copy_struct_from_user(arg, _IOC_SIZE(command->cmd), user, usize);
}

/* Do it, and hand back the struct */
int dmirror_command_run(const struct dmirror_command *command,
			struct dmirror_call *call, union dmirror_arg *arg,
			void __user *user, size_t usize)
{
	size_t size = min_t(size_t, usize, _IOC_SIZE(command->cmd));
	int ret = command->handler(call, arg);

	/* also on error: the out fields say how far the command came */
	return copy_to_user(user, arg, size) ? -EFAULT : ret;
}

long dmirror_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	const struct dmirror_command *command = dmirror_command_find(cmd);
	struct dmirror_call call = { .dmirror = file->private_data };
	void __user *user = (void __user *)uarg;
	union dmirror_arg arg = {};
	int ret;

	if (!command)
		return -ENOTTY;
	ret = dmirror_command_read(command, &arg, user, _IOC_SIZE(cmd));
	if (ret)
		return ret;
	return dmirror_command_run(command, &call, &arg, user, _IOC_SIZE(cmd));
}
