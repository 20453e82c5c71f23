// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the journal of a guest that may have written anything into it: each
 * number is checked against the size of the file before it is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader.h"

#define WRITERS_MAX	1024
#define RUNNING		INT64_MIN

static void read_names(struct journal *j)
{
	size_t off = j->h.names_off, end = j->size, len;

	if (off < sizeof(j->h) || off >= end)
		return;
	if (j->h.records_off > off && j->h.records_off < end)
		end = j->h.records_off;
	while (off < end && j->nr_names < NAMES_MAX) {
		len = strnlen((const char *)j->map + off, end - off);
		if (!len || off + len == end)
			break;
		j->name[j->nr_names++] = (const char *)j->map + off;
		off += len + 1;
	}
}

int hmmt_journal_open(const char *path, struct journal *j)
{
	struct stat st;
	int fd, err = 0;

	memset(j, 0, sizeof(*j));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
	} else if (!S_ISREG(st.st_mode) || (size_t)st.st_size < sizeof(j->h)) {
		err = -EBADMSG;
	} else {
		j->size = (size_t)st.st_size;
		j->map = mmap(NULL, j->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (j->map == MAP_FAILED)
			err = -errno;
	}
	close(fd);
	if (err)
		return err;
	memcpy(&j->h, j->map, sizeof(j->h));
	j->h.phase[sizeof(j->h.phase) - 1] = '\0';
	j->h.now.head[sizeof(j->h.now.head) - 1] = '\0';
	j->h.failed.head[sizeof(j->h.failed.head) - 1] = '\0';
	if (j->h.magic != HMMT_JOURNAL_MAGIC || j->h.version != HMMT_JOURNAL_VERSION) {
		munmap((void *)j->map, j->size);
		return -EBADMSG;
	}
	if (j->h.record_size == sizeof(struct hmmt_journal_record) &&
	    j->h.records_off >= sizeof(j->h) && j->h.records_off < j->size) {
		j->nr = (j->size - j->h.records_off) / sizeof(struct hmmt_journal_record);
		if (j->nr > j->h.nr_records)
			j->nr = j->h.nr_records;
	}
	read_names(j);
	return 0;
}

void hmmt_journal_close(struct journal *j)
{
	munmap((void *)j->map, j->size);
}

/*
 * A slot holds record seq - 1, which must belong there and not lie more than a
 * lap back. Writers publish next behind their record and may overtake each
 * other, so that records shortly ahead of it are good.
 */
static bool get_record(const struct journal *j, size_t slot, struct hmmt_journal_record *r)
{
	memcpy(r, j->map + j->h.records_off + slot * sizeof(*r), sizeof(*r));
	if (!r->seq || (r->seq - 1) % j->h.nr_records != slot)
		return false;
	if (r->seq > j->h.next) {
		uint64_t ahead = j->h.nr_records / 2;

		return r->seq - j->h.next <= (ahead < WRITERS_MAX ? ahead : WRITERS_MAX);
	}
	return j->h.next - r->seq < j->h.nr_records;
}

static int by_seq(const void *a, const void *b)
{
	const struct hmmt_journal_record *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

int hmmt_journal_collect(const struct journal *j, struct hmmt_journal_record **out, size_t *nr)
{
	struct hmmt_journal_record *rec;
	size_t i, n = 0;

	rec = calloc(j->nr + 1, sizeof(*rec));
	if (!rec)
		return -ENOMEM;
	for (i = 0; i < j->nr; i++)
		if (get_record(j, i, &rec[n]))
			n++;
	qsort(rec, n, sizeof(*rec), by_seq);
	*out = rec;
	*nr = n;
	return 0;
}

void hmmt_journal_op(const struct journal *j, unsigned int op, char *out, size_t size)
{
	static const char * const traced[] = { HMMT_TRACES(HMMT_TRACE_NAME) };

	if (op < j->nr_names)
		hmmt_copy(out, size, j->name[op]);
	else if (op >= HMMT_JOURNAL_TRACE && op - HMMT_JOURNAL_TRACE < HMMT_NELEM(traced))
		snprintf(out, size, "  %s", traced[op - HMMT_JOURNAL_TRACE]);
	else
		snprintf(out, size, "op%u", op);
}

static void running_ops(const struct journal *j, char *out, size_t size)
{
	struct hmmt_journal_record r;
	char name[64], list[256] = " ", word[70];
	size_t i;

	for (i = 0; i < j->nr; i++) {
		if (!get_record(j, i, &r) || r.ret != RUNNING ||
		    r.op >= HMMT_JOURNAL_TRACE)
			continue;
		hmmt_journal_op(j, r.op, name, sizeof(name));
		snprintf(word, sizeof(word), " %s ", name);
		if (!strstr(list, word) && strlen(list) + strlen(name) + 2 < sizeof(list)) {
			strcat(list, name);
			strcat(list, " ");
		}
	}
	list[strlen(list) - 1] = '\0';
	hmmt_copy(out, size, *list ? list + 1 : "");
}

int hmmt_journal_counters(const char *path, struct hmmt_counters *out)
{
	struct journal j;
	int err;

	memset(out, 0, sizeof(*out));
	err = hmmt_journal_open(path, &j);
	if (!err) {
		out->present = true;
		out->heartbeat = j.h.heartbeat;
		out->elapsed_ms = j.h.elapsed_ms;
		out->total_ms = j.h.total_ms;
		out->ops = j.h.ops;
		out->thp_migrations = j.h.thp_migrations;
		out->base_migrations = j.h.base_migrations;
		out->cpu_faults = j.h.cpu_faults;
		out->dev_faults = j.h.dev_faults;
		out->splits = j.h.splits;
		out->checks = j.h.checks;
		out->failures = j.h.failures;
		hmmt_copy(out->phase, sizeof(out->phase), j.h.phase);
		running_ops(&j, out->running, sizeof(out->running));
		hmmt_journal_close(&j);
	}
	return err;
}

static void print_record(const struct journal *j, const struct hmmt_journal_record *r, FILE *out)
{
	char name[64];

	hmmt_journal_op(j, r->op, name, sizeof(name));
	fprintf(out, "%6" PRIu64 ".%06" PRIu64 " w%-2u %5u %-16s %#llx %#llx %#llx %#llx ",
		(uint64_t)r->time_ns / 1000000000, (uint64_t)r->time_ns / 1000 % 1000000, r->worker,
		r->pid, name, (unsigned long long)r->arg[0], (unsigned long long)r->arg[1],
		(unsigned long long)r->arg[2], (unsigned long long)r->arg[3]);
	if (r->ret == RUNNING)
		fputs("running\n", out);
	else
		fprintf(out, "= %lld\n", (long long)r->ret);
}

int hmmt_journal_print(const char *path, size_t last, FILE *out)
{
	struct journal j;
	struct hmmt_journal_record *rec = NULL;
	char phase[64];
	size_t i, n = 0, from;
	int err;

	err = hmmt_journal_open(path, &j);
	if (err)
		return err;
	err = hmmt_journal_collect(&j, &rec, &n);
	if (err)
		goto close;
	hmmt_copy(phase, sizeof(phase), j.h.phase);
	fprintf(out, "# %llu records written, %zu readable, %zu op names, phase \"%s\"\n",
		(unsigned long long)j.h.next, n, j.nr_names, phase);
	fprintf(out, "# time worker pid op args result\n");
	for (i = 0; i < n; i++)
		if (rec[i].ret == RUNNING)
			print_record(&j, &rec[i], out);
	from = last && n > last ? n - last : 0;
	for (i = from; i < n; i++)
		if (rec[i].ret != RUNNING)
			print_record(&j, &rec[i], out);
	free(rec);
close:
	hmmt_journal_close(&j);
	return err;
}
