// SPDX-License-Identifier: GPL-2.0
/*
 * The user interface: one table row and one handler a command.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"

/* All argument structs fit in here */
union dmirror_arg {
	struct hmm_dmirror_cmd	cmd;
	struct hmmt_migrate	migrate;
	struct hmmt_access	access;
	struct hmmt_snapshot	snapshot;
	struct hmmt_stats	stats;
	struct hmmt_check	check;
	struct hmmt_evict	evict;
};

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

static int stock_access(struct dmirror *dmirror, struct hmm_dmirror_cmd *cmd,
			u32 flags)
{
	struct hmmt_access access = {
		.addr = cmd->addr, .ptr = cmd->ptr, .flags = flags,
	};
	int ret;

	ret = stock_range(cmd, &access.len);
	if (ret)
		return ret;
	ret = dmirror_access(dmirror, &access);
	cmd->cpages = access.done >> PAGE_SHIFT;
	cmd->faults = access.faults;
	return ret;
}

static int stock_read(struct dmirror *dmirror, union dmirror_arg *arg)
{
	return stock_access(dmirror, &arg->cmd, 0);
}

static int stock_write(struct dmirror *dmirror, union dmirror_arg *arg)
{
	return stock_access(dmirror, &arg->cmd, HMMT_ACCESS_WRITE);
}

static int stock_migrate(struct dmirror *dmirror, struct hmm_dmirror_cmd *cmd,
			 u32 flags)
{
	struct hmmt_migrate migrate = { .addr = cmd->addr, .flags = flags };
	int ret;

	ret = stock_range(cmd, &migrate.len);
	if (ret)
		return ret;
	ret = dmirror_migrate(dmirror, &migrate);
	cmd->cpages = migrate.migrated;
	return ret == -EFAULT ? -EINVAL : ret;
}

/* The stock command also hands back the data, for verification */
static int stock_migrate_to_dev(struct dmirror *dmirror, union dmirror_arg *arg)
{
	return stock_migrate(dmirror, &arg->cmd, 0) ?:
	       stock_access(dmirror, &arg->cmd, 0);
}

static int stock_migrate_to_sys(struct dmirror *dmirror, union dmirror_arg *arg)
{
	return stock_migrate(dmirror, &arg->cmd, HMMT_MIGRATE_TO_SYS);
}

static int stock_snapshot(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct hmm_dmirror_cmd *cmd = &arg->cmd;
	struct hmmt_snapshot snap = { .addr = cmd->addr, .ptr = cmd->ptr };
	int ret;

	ret = stock_range(cmd, &snap.len);
	if (ret)
		return ret;
	ret = dmirror_snapshot(dmirror, &snap, true);
	cmd->cpages = snap.done >> PAGE_SHIFT;
	return ret;
}

static int stock_exclusive(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct hmm_dmirror_cmd *cmd = &arg->cmd;
	u64 len;
	int ret;

	ret = stock_range(cmd, &len);
	if (ret)
		return ret;
	return dmirror_exclusive(dmirror, cmd->addr, cmd->addr + len) ?:
	       stock_access(dmirror, cmd, 0);
}

static int stock_check_exclusive(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct hmm_dmirror_cmd *cmd = &arg->cmd;
	u64 len;
	int ret;

	ret = stock_range(cmd, &len);
	if (ret)
		return ret;
	return dmirror_is_exclusive(dmirror, cmd->addr, cmd->addr + len) ?
	       -EPERM : 0;
}

static int stock_release(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct hmmt_evict evict;

	dmirror_evict(dmirror->mdevice, &evict);
	return 0;
}

static int stock_flags(struct dmirror *dmirror, union dmirror_arg *arg)
{
	if (arg->cmd.npages & ~HMM_DMIRROR_FLAG_FAIL_ALLOC)
		return -EINVAL;
	assign_bit(0, &dmirror->fail_alloc, arg->cmd.npages);
	return 0;
}

static int do_migrate(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct hmmt_migrate *migrate = &arg->migrate;
	const u32 flags = HMMT_MIGRATE_TO_SYS | HMMT_MIGRATE_BASE |
			  HMMT_MIGRATE_SPLIT | HMMT_MIGRATE_DROP |
			  HMMT_MIGRATE_PARTIAL_HOLE;

	if (migrate->flags & ~flags || migrate->peer ||
	    !range_ok(migrate->addr, migrate->len, PAGE_SIZE))
		return -EINVAL;
	memset_after(migrate, 0, peer);
	return dmirror_migrate(dmirror, migrate);
}

static int do_access(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct hmmt_access *access = &arg->access;

	if (access->flags & ~HMMT_ACCESS_WRITE || access->reserved ||
	    !range_ok(access->addr, access->len, sizeof(u64)))
		return -EINVAL;
	memset_after(access, 0, reserved);
	return dmirror_access(dmirror, access);
}

static int do_snapshot(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct hmmt_snapshot *snap = &arg->snapshot;

	if (snap->flags || snap->reserved ||
	    !range_ok(snap->addr, snap->len, PAGE_SIZE))
		return -EINVAL;
	memset_after(snap, 0, reserved);
	return dmirror_snapshot(dmirror, snap, false);
}

static int do_stats(struct dmirror *dmirror, union dmirror_arg *arg)
{
	struct dmirror_device *mdevice = dmirror->mdevice;
	struct hmmt_stats *stats = &arg->stats;
	u64 *counters = (void *)stats + DMIRROR_COUNTERS_OFFSET;
	struct dmirror_chunk *chunk;
	unsigned int i;

	memset(stats, 0, sizeof(*stats));
	stats->pages_capacity = (u64)mdevice->nr_chunks * HPAGE_PMD_NR;
	stats->mirrors = atomic_read(&mdevice->mirrors);
	spin_lock(&mdevice->lock);
	stats->pages_used = mdevice->pages_used;
	list_for_each_entry(chunk, &mdevice->carved, node)
		stats->chunks_carved++;
	list_for_each_entry(chunk, &mdevice->busy, node) {
		if (chunk->whole)
			stats->chunks_whole++;
		else
			stats->chunks_carved++;
	}
	spin_unlock(&mdevice->lock);

	for (i = 0; i < DMIRROR_NR_COUNTERS; i++)
		counters[i] = atomic64_read(&mdevice->count[i]);
	return 0;
}

static int do_check(struct dmirror *dmirror, union dmirror_arg *arg)
{
	return dmirror_devmem_check(dmirror->mdevice, &arg->check);
}

static int do_evict(struct dmirror *dmirror, union dmirror_arg *arg)
{
	if (arg->evict.mode || arg->evict.reserved)
		return -EINVAL;
	dmirror_evict(dmirror->mdevice, &arg->evict);
	return 0;
}

/* @min_size: of the first published version; the present one is in @cmd */
struct dmirror_command {
	unsigned int	cmd;
	size_t		min_size;
	int		(*handler)(struct dmirror *dmirror, union dmirror_arg *arg);
};

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
	{ HMMT_MIGRATE, UP_TO(hmmt_migrate, nomem), do_migrate },
	{ HMMT_ACCESS, UP_TO(hmmt_access, faults), do_access },
	{ HMMT_SNAPSHOT, UP_TO(hmmt_snapshot, done), do_snapshot },
	{ HMMT_STATS, UP_TO(hmmt_stats, mirrors), do_stats },
	{ HMMT_CHECK, UP_TO(hmmt_check, found), do_check },
	{ HMMT_EVICT, UP_TO(hmmt_evict, left), do_evict },
};

static const struct dmirror_command *find_command(unsigned int cmd)
{
	unsigned int i;

	/* the size in @cmd is the caller's and may differ */
	for (i = 0; i < ARRAY_SIZE(dmirror_commands); i++)
		if (_IOC_TYPE(dmirror_commands[i].cmd) == _IOC_TYPE(cmd) &&
		    _IOC_NR(dmirror_commands[i].cmd) == _IOC_NR(cmd) &&
		    _IOC_DIR(dmirror_commands[i].cmd) == _IOC_DIR(cmd))
			return &dmirror_commands[i];
	return NULL;
}

long dmirror_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	const struct dmirror_command *command = find_command(cmd);
	struct dmirror *dmirror = file->private_data;
	void __user *user = (void __user *)uarg;
	size_t usize = _IOC_SIZE(cmd);
	union dmirror_arg arg = {};
	size_t ksize;
	int ret;

	if (!command)
		return -ENOTTY;
	ksize = _IOC_SIZE(command->cmd);
	if (usize < command->min_size)
		return -EINVAL;
	if (_IOC_DIR(cmd) & _IOC_WRITE) {
		ret = copy_struct_from_user(&arg, ksize, user, usize);
		if (ret)
			return ret;
	}

	ret = command->handler(dmirror, &arg);
	/* also on error: the out fields say how far the command came */
	if (copy_to_user(user, &arg, min(usize, ksize)))
		return -EFAULT;
	return ret;
}
