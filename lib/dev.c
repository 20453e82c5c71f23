// SPDX-License-Identifier: GPL-2.0
/* The driver's commands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hmmt.h"

int hmmt_open(struct hmmt_dev *dev, unsigned int index)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/hmm_dmirror%u", index);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dev->fd = fd;
	dev->index = index;
	return 0;
}

void hmmt_close(struct hmmt_dev *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

bool hmmt_is_open(const struct hmmt_dev *dev)
{
	return dev->fd >= 0;
}

static int dev_ioctl(const struct hmmt_dev *dev, unsigned long cmd, void *arg)
{
	if (dev->fd < 0)
		return -EBADF;
	if (ioctl(dev->fd, cmd, arg) < 0)
		return -errno;
	return 0;
}

int hmmt_migrate(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		 unsigned int flags, struct hmmt_migrate *res)
{
	struct hmmt_migrate arg = { .addr = addr, .len = len, .flags = flags };
	int ret = dev_ioctl(dev, HMMT_MIGRATE, &arg);

	if (res)
		*res = arg;
	return ret;
}

int hmmt_access(const struct hmmt_dev *dev, unsigned long addr, void *buf,
		size_t len, unsigned int flags, struct hmmt_access *res)
{
	struct hmmt_access arg = {
		.addr = addr,
		.ptr = (uintptr_t)buf,
		.len = len,
		.flags = flags,
	};
	int ret = dev_ioctl(dev, HMMT_ACCESS, &arg);

	if (res)
		*res = arg;
	return ret;
}

int hmmt_snapshot(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		  uint16_t *out)
{
	struct hmmt_snapshot arg = {
		.addr = addr,
		.len = len,
		.ptr = (uintptr_t)out,
	};
	int ret = dev_ioctl(dev, HMMT_SNAPSHOT, &arg);

	if (!ret && arg.done != len)
		ret = -EIO;
	return ret;
}

int hmmt_stats(const struct hmmt_dev *dev, struct hmmt_stats *stats)
{
	struct hmmt_stats arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	ret = dev_ioctl(dev, HMMT_STATS, &arg);
	if (!ret)
		*stats = arg;
	return ret;
}

int hmmt_check(const struct hmmt_dev *dev, unsigned int flags, struct hmmt_check *check)
{
	struct hmmt_check arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.flags = flags;
	ret = dev_ioctl(dev, HMMT_CHECK, &arg);
	if (!ret)
		*check = arg;
	return ret;
}

const char *hmmt_check_name(unsigned int check)
{
	static const char * const names[] = { HMMT_CHECKS(HMMT_CHECK_TEXT) };

	if (check >= sizeof(names) / sizeof(names[0]))
		return "unknown violation";
	return names[check];
}

int hmmt_evict(const struct hmmt_dev *dev, struct hmmt_evict *res)
{
	struct hmmt_evict arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	ret = hmmt_evict_some(dev, &arg);
	if (!ret && res)
		*res = arg;
	return ret;
}

int hmmt_evict_some(const struct hmmt_dev *dev, struct hmmt_evict *evict)
{
	return dev_ioctl(dev, HMMT_EVICT, evict);
}

int hmmt_unplug(const struct hmmt_dev *dev, unsigned int chunk, unsigned int flags,
		unsigned int ms, struct hmmt_unplug *res)
{
	struct hmmt_unplug arg = {
		.chunk = chunk,
		.flags = flags,
		.timeout_ms = ms,
	};
	int ret = dev_ioctl(dev, HMMT_UNPLUG, &arg);

	if (res)
		*res = arg;
	return ret;
}

int hmmt_plug_all(const struct hmmt_dev *dev)
{
	unsigned int chunk;
	int ret, n = 0;

	for (chunk = 0;; chunk++) {
		ret = hmmt_unplug(dev, chunk, HMMT_UNPLUG_PLUG, 0, NULL);
		if (ret == -ENXIO)
			return n;
		if (ret && ret != -EALREADY)
			return ret;
		n += !ret;
	}
}

int hmmt_migrate_peer(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		      unsigned int flags, unsigned int peer, struct hmmt_migrate *res)
{
	struct hmmt_migrate arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.addr = addr;
	arg.len = len;
	arg.flags = flags | HMMT_MIGRATE_PEER;
	arg.peer = peer;
	ret = dev_ioctl(dev, HMMT_MIGRATE, &arg);
	if (res)
		*res = arg;
	return ret;
}

int hmmt_tune(const struct hmmt_dev *dev, size_t cpu_window, size_t dev_window)
{
	struct hmmt_tune arg;

	memset(&arg, 0, sizeof(arg));
	arg.cpu_window = cpu_window;
	arg.dev_window = dev_window;
	return dev_ioctl(dev, HMMT_TUNE, &arg);
}

int hmmt_hold_tell(const struct hmmt_dev *dev, unsigned int point, unsigned int ms, int event)
{
	struct hmmt_tune arg;

	memset(&arg, 0, sizeof(arg));
	arg.hold = point;
	arg.hold_ms = ms;
	arg.event = event;
	return dev_ioctl(dev, HMMT_TUNE, &arg);
}

int hmmt_hold(const struct hmmt_dev *dev, unsigned int point, unsigned int ms)
{
	return hmmt_hold_tell(dev, point, ms, 0);
}

int hmmt_inject(const struct hmmt_dev *dev, struct hmmt_inject *inject)
{
	return dev_ioctl(dev, HMMT_INJECT, inject);
}

int hmmt_checksum(const struct hmmt_dev *dev, unsigned long addr, size_t len,
		  uint64_t *pages, struct hmmt_checksum *res)
{
	struct hmmt_checksum arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.addr = addr;
	arg.len = len;
	arg.ptr = (uintptr_t)pages;
	ret = dev_ioctl(dev, HMMT_CHECKSUM, &arg);
	if (res)
		*res = arg;
	return ret;
}

uint64_t hmmt_checksum_of(const void *buf, size_t len)
{
	const uint64_t *word = buf;
	uint64_t sum = HMMT_CHECKSUM_INIT;

	for (; len; len -= sizeof(*word))
		sum = hmmt_checksum_step(sum, *word++);
	return sum;
}

int hmmt_pin(const struct hmmt_dev *dev, unsigned long addr, size_t len,
	     unsigned int flags, struct hmmt_pin *res)
{
	struct hmmt_pin arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.addr = addr;
	arg.len = len;
	arg.flags = flags;
	ret = dev_ioctl(dev, HMMT_PIN, &arg);
	if (res)
		*res = arg;
	return ret;
}

int hmmt_exclusive(const struct hmmt_dev *dev, unsigned long addr, void *buf, size_t len)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = addr,
		.ptr = (uintptr_t)buf,
		.npages = len / HMMT_PAGE_SIZE,
	};

	return dev_ioctl(dev, HMM_DMIRROR_EXCLUSIVE, &cmd);
}

uint64_t hmmt_wrong_sources(const struct hmmt_stats *st)
{
	return st->source_wrong + st->source_alien + st->source_more + st->source_less +
	       st->source_mapped + st->source_exclusive;
}

int hmmt_perturb(const struct hmmt_dev *dev, unsigned int max, uint64_t seed)
{
	struct hmmt_perturb arg;

	memset(&arg, 0, sizeof(arg));
	arg.max = max;
	arg.seed = seed;
	return dev_ioctl(dev, HMMT_PERTURB, &arg);
}

int hmmt_catch(const struct hmmt_dev *dev, unsigned int nth, unsigned int us, uint64_t *caught)
{
	struct hmmt_catch arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.nth = nth;
	arg.us = us;
	ret = dev_ioctl(dev, HMMT_CATCH, &arg);
	if (caught)
		*caught = arg.caught;
	return ret;
}

int hmmt_module_load(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, params, 0))
		ret = -errno;
	close(fd);
	return ret;
}
