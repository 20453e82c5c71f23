// SPDX-License-Identifier: GPL-2.0
/* The journal's mapping and its records. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/hmmt.h"
#include "record.h"

#define ANON_SIZE	(1UL << 20)

static void *map_file(const char *path, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	void *p = MAP_FAILED;

	if (fd < 0)
		return p;
	if (!ftruncate(fd, size))
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p;
}

int journal_open(struct journal *j, const char *path, _Atomic uint64_t *next)
{
	size_t size = HMMT_JOURNAL_SIZE;
	void *p;

	p = path ? map_file(path, size) : hmmt_map_bar(size);
	if (p == MAP_FAILED)
		return -errno;
	if (!p) {
		size = ANON_SIZE;
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return -errno;
	}
	j->hdr = p;
	j->rec = p + JOURNAL_RECORDS_OFF;
	j->nr = (size - JOURNAL_RECORDS_OFF) / sizeof(*j->rec);
	j->next = next;

	memset(j->hdr, 0, JOURNAL_RECORDS_OFF);
	j->hdr->version = HMMT_JOURNAL_VERSION;
	j->hdr->header_size = HMMT_JOURNAL_HEADER;
	j->hdr->record_size = sizeof(*j->rec);
	j->hdr->nr_records = j->nr;
	j->hdr->records_off = JOURNAL_RECORDS_OFF;
	j->hdr->names_off = JOURNAL_NAMES_OFF;
	__atomic_store_n(&j->hdr->magic, HMMT_JOURNAL_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

int journal_names(struct journal *j, const char *const *names, unsigned int n)
{
	char *p = (char *)j->hdr + JOURNAL_NAMES_OFF;
	char *end = (char *)j->hdr + JOURNAL_RECORDS_OFF;
	unsigned int i;

	for (i = 0; i < n; i++) {
		size_t len = strlen(names[i]) + 1;

		if (p + len + 1 > end)
			return -ENOSPC;
		memcpy(p, names[i], len);
		p += len;
	}
	*p = '\0';
	return 0;
}

static struct hmmt_journal_record *record(struct journal *j, uint64_t idx)
{
	return &j->rec[idx % j->nr];
}

uint64_t journal_begin(struct journal *j, unsigned int op, unsigned int worker,
		       uint32_t pid, uint64_t time_ns, uint64_t seed)
{
	uint64_t idx = atomic_fetch_add(j->next, 1);
	struct hmmt_journal_record *r = record(j, idx);

	__atomic_store_n(&r->seq, 0, __ATOMIC_RELEASE);
	r->time_ns = time_ns;
	r->op = op;
	r->worker = worker;
	r->pid = pid;
	r->seed = seed;
	memset(r->arg, 0, sizeof(r->arg));
	r->ret = JOURNAL_RUNNING;
	__atomic_store_n(&r->seq, idx + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&j->hdr->next, idx + 1, __ATOMIC_RELAXED);
	return idx;
}

void journal_arg(struct journal *j, uint64_t idx, unsigned int n, uint64_t val)
{
	struct hmmt_journal_record *r = record(j, idx);

	/* A long op may find that the ring has gone round meanwhile. */
	if (__atomic_load_n(&r->seq, __ATOMIC_ACQUIRE) == idx + 1 && n < 4)
		__atomic_store_n(&r->arg[n], val, __ATOMIC_RELAXED);
}

void journal_end(struct journal *j, uint64_t idx, int64_t ret)
{
	struct hmmt_journal_record *r = record(j, idx);

	if (__atomic_load_n(&r->seq, __ATOMIC_ACQUIRE) == idx + 1)
		__atomic_store_n(&r->ret, ret, __ATOMIC_RELAXED);
}
