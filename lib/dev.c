// SPDX-License-Identifier: GPL-2.0
/* The driver's commands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
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

int hmmt_check(const struct hmmt_dev *dev, struct hmmt_check *check)
{
	struct hmmt_check arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	ret = dev_ioctl(dev, HMMT_CHECK, &arg);
	if (!ret)
		*check = arg;
	return ret;
}

const char *hmmt_check_name(unsigned int check)
{
	static const char * const names[] = {
		[HMMT_CHECK_OK] = "ok",
		[HMMT_CHECK_CHUNK_COUNT] = "chunk's free count is wrong",
		[HMMT_CHECK_CHUNK_LIST] = "chunk is on the wrong list",
		[HMMT_CHECK_FREE_REF] = "free page has a reference",
		[HMMT_CHECK_USED] = "pages_used is not the sum of the chunks",
	};

	if (check >= sizeof(names) / sizeof(names[0]))
		return "unknown violation";
	return names[check];
}

int hmmt_evict(const struct hmmt_dev *dev, struct hmmt_evict *res)
{
	struct hmmt_evict arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	ret = dev_ioctl(dev, HMMT_EVICT, &arg);
	if (!ret && res)
		*res = arg;
	return ret;
}
