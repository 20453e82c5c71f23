// SPDX-License-Identifier: GPL-2.0
/* Readers of /proc and /sys. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hmmt.h"

#define THP_DIR	"/sys/kernel/mm/transparent_hugepage"

ssize_t hmmt_read_file(const char *path, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			n = -errno;
			close(fd);
			return n;
		}
		if (!n)
			break;
		len += n;
	}
	close(fd);
	buf[len] = '\0';
	return len;
}

int hmmt_stay_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int hmmt_write_file(const char *path, const char *text)
{
	ssize_t n;
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		ret = -errno;
	else if ((size_t)n != strlen(text))
		ret = -EIO;
	close(fd);
	return ret;
}

int hmmt_split_folios(unsigned long from, unsigned long to, unsigned int order, int around)
{
	char text[96];
	int n;

	n = snprintf(text, sizeof(text), "%d,%#lx,%#lx,%u", getpid(), from, to, order);
	if (around >= 0)
		snprintf(text + n, sizeof(text) - n, ",%d", around);
	return hmmt_write_file(HMMT_SPLIT_FOLIOS, text);
}

int hmmt_file_field(const char *path, const char *key, uint64_t *val)
{
	/* vmstat and meminfo are a few KiB */
	char buf[16384];
	ssize_t len = hmmt_read_file(path, buf, sizeof(buf));

	if (len < 0)
		return len;
	return hmmt_parse_field(buf, key, val);
}

int hmmt_vmstat_fold(void)
{
	char buf[16];
	ssize_t len = hmmt_read_file("/proc/sys/vm/stat_refresh", buf, sizeof(buf));

	return len < 0 ? len : 0;
}

int hmmt_drain(void)
{
	return hmmt_write_file("/proc/sys/vm/compact_memory", "1");
}

int hmmt_tables_kb(uint64_t *kb)
{
	uint64_t init = 0, own = 0;
	int ret = hmmt_file_field("/proc/meminfo", "PageTables", kb);

	hmmt_file_field("/proc/1/status", "VmPTE", &init);
	hmmt_file_field("/proc/self/status", "VmPTE", &own);
	if (!ret)
		*kb -= init + own < *kb ? init + own : *kb;
	return ret;
}

int hmmt_mthp_stat(unsigned int kb, const char *name, uint64_t *val)
{
	char path[160], buf[32];
	ssize_t len;

	snprintf(path, sizeof(path), THP_DIR "/hugepages-%ukB/stats/%s", kb, name);
	len = hmmt_read_file(path, buf, sizeof(buf));
	if (len < 0)
		return len;
	buf[strcspn(buf, "\n")] = '\0';
	return hmmt_parse_u64(buf, val);
}

/* Does the file say [@word]? */
static bool policy_is(const char *path, const char *word)
{
	char buf[128], sel[32];

	if (hmmt_read_file(path, buf, sizeof(buf)) < 0)
		return false;
	snprintf(sel, sizeof(sel), "[%s]", word);
	return strstr(buf, sel);
}

bool hmmt_mthp_usable(unsigned int kb)
{
	static const char global[] = THP_DIR "/enabled";
	char path[128];

	snprintf(path, sizeof(path), THP_DIR "/hugepages-%ukB/enabled", kb);
	if (policy_is(path, "always") || policy_is(path, "madvise"))
		return true;
	if (!policy_is(path, "inherit"))
		return false;
	return policy_is(global, "always") || policy_is(global, "madvise");
}

int hmmt_task_stat(pid_t pid, pid_t tid, struct hmmt_task_stat *stat)
{
	char path[64], buf[1024];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	len = hmmt_read_file(path, buf, sizeof(buf));
	if (len < 0)
		return len;
	return hmmt_parse_task_stat(buf, stat);
}

ssize_t hmmt_task_stack(pid_t pid, pid_t tid, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", pid, tid);
	return hmmt_read_file(path, buf, size);
}

/*
 * PROCMAP_QUERY of linux/fs.h, spelled out here because the headers of the
 * build machine may be older than the kernel that is tested.
 */
struct procmap_query_arg {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size;
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
};

#define PROCMAP_QUERY_CMD	_IOWR('f', 17, struct procmap_query_arg)
#define PROCMAP_READABLE	0x01
#define PROCMAP_WRITABLE	0x02
#define PROCMAP_SHARED		0x08

static int vma_by_query(int fd, unsigned long addr, struct hmmt_vma *vma)
{
	struct procmap_query_arg q;

	memset(&q, 0, sizeof(q));
	q.size = sizeof(q);
	q.query_addr = addr;
	if (ioctl(fd, PROCMAP_QUERY_CMD, &q) < 0)
		return -errno;
	vma->start = q.vma_start;
	vma->end = q.vma_end;
	vma->read = q.vma_flags & PROCMAP_READABLE;
	vma->write = q.vma_flags & PROCMAP_WRITABLE;
	vma->shared = q.vma_flags & PROCMAP_SHARED;
	return 0;
}

static int vma_by_text(int fd, unsigned long addr, struct hmmt_vma *vma)
{
	char buf[4096];
	size_t have = 0;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf, *eol;

		have += n;
		buf[have] = '\0';
		while ((eol = strchr(line, '\n'))) {
			unsigned long start, end;
			char perm[5];

			*eol = '\0';
			if (sscanf(line, "%lx-%lx %4s", &start, &end, perm) == 3 &&
			    start <= addr && addr < end) {
				vma->start = start;
				vma->end = end;
				vma->read = perm[0] == 'r';
				vma->write = perm[1] == 'w';
				vma->shared = perm[3] == 's';
				return 0;
			}
			line = eol + 1;
		}
		have -= line - buf;
		memmove(buf, line, have);
		if (have == sizeof(buf) - 1)
			return -E2BIG;
	}
	return n < 0 ? -errno : -ENOENT;
}

int hmmt_vma_at(int maps_fd, unsigned long addr, struct hmmt_vma *vma)
{
	int ret = vma_by_query(maps_fd, addr, vma);

	if (ret == -ENOTTY)
		ret = vma_by_text(maps_fd, addr, vma);
	return ret;
}
