// SPDX-License-Identifier: GPL-2.0
/* libhmmt without a device: streams, parsers, readers of /proc. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmmt.h"
#include "ktap.h"

static void rng_repeats(void)
{
	struct hmmt_rng a, b;
	unsigned int i;

	hmmt_rng_init(&a, 42, 7);
	hmmt_rng_init(&b, 42, 7);
	for (i = 0; i < 1000; i++)
		CHECK(hmmt_rng_u64(&a) == hmmt_rng_u64(&b));
}

/* Fixed for ever: a seed in a report must mean the same in a later version. */
static void rng_known_values(void)
{
	struct hmmt_rng r = { .s = { 1, 2, 3, 4 } };

	/* xoshiro256** from state 1, 2, 3, 4: s[1] * 5 rotated by 7, times 9 */
	CHECK(hmmt_rng_u64(&r) == 11520);
	CHECK(hmmt_rng_u64(&r) == 0);
	CHECK(hmmt_rng_u64(&r) == 1509978240);
	CHECK(hmmt_mix64(0) == 0);
	/* the first outputs of splitmix64 from 0 */
	CHECK(hmmt_mix64(0x9e3779b97f4a7c15ULL) == 0xe220a8397b1dcdafULL);
	CHECK(hmmt_mix64(2 * 0x9e3779b97f4a7c15ULL) == 0x6e789e6aa1b965f4ULL);
}

/* What the tape says, within the range; behind it nothing has changed. */
static void rng_tape(void)
{
	static const uint64_t tape[] = { 3, HMMT_DRAW_ANY, 1000 };
	struct hmmt_rng a, b;
	uint64_t any;

	hmmt_rng_init(&a, 5, 6);
	hmmt_rng_init(&b, 5, 6);
	b.tape = tape;
	b.tape_len = 3;
	hmmt_rng_below(&a, 10);
	CHECK(hmmt_rng_below(&b, 10) == 3);
	any = hmmt_rng_below(&a, 1000000);
	CHECK(hmmt_rng_below(&b, 1000000) == any);
	hmmt_rng_below(&a, 10);
	CHECK(hmmt_rng_between(&b, 1, 10) == 10);
	CHECK(hmmt_rng_u64(&a) == hmmt_rng_u64(&b));
	CHECK(b.drawn == 4);
	b.dry = true;
	CHECK(hmmt_rng_below(&b, 10) == 0 && hmmt_rng_u64(&b) == 0);
}

static void rng_streams_differ(void)
{
	struct hmmt_rng a, b, c;
	unsigned int i, same = 0;

	hmmt_rng_init(&a, 1, 1);
	hmmt_rng_init(&b, 1, 2);
	hmmt_rng_init(&c, 2, 1);
	for (i = 0; i < 4096; i++) {
		uint64_t x = hmmt_rng_u64(&a), y = hmmt_rng_u64(&b), z = hmmt_rng_u64(&c);

		same += x == y || y == z || x == z;
	}
	CHECK(!same);
}

static void rng_below_is_uniform(void)
{
	unsigned int count[10] = { 0 }, i;
	struct hmmt_rng r;

	hmmt_rng_init(&r, 3, 3);
	for (i = 0; i < 100000; i++) {
		uint64_t x = hmmt_rng_below(&r, 10);

		CHECK(x < 10);
		count[x % 10]++;
	}
	for (i = 0; i < 10; i++)
		CHECK(count[i] > 9500 && count[i] < 10500);
	CHECK(hmmt_rng_below(&r, 0) == 0);
	CHECK(hmmt_rng_below(&r, 1) == 0);
	for (i = 0; i < 1000; i++) {
		uint64_t x = hmmt_rng_between(&r, 5, 7);

		CHECK(x >= 5 && x <= 7);
	}
	CHECK(!hmmt_rng_chance(&r, 0, 4));
	CHECK(hmmt_rng_chance(&r, 4, 4));
}

static void parse_numbers(void)
{
	uint64_t v = 77;

	CHECK(!hmmt_parse_u64("0", &v) && v == 0);
	CHECK(!hmmt_parse_u64("18446744073709551615", &v) && v == UINT64_MAX);
	CHECK(!hmmt_parse_u64("0xff", &v) && v == 255);
	v = 77;
	CHECK(hmmt_parse_u64("18446744073709551616", &v) == -ERANGE);
	CHECK(hmmt_parse_u64("", &v) == -EINVAL);
	CHECK(hmmt_parse_u64("-1", &v) == -EINVAL);
	CHECK(hmmt_parse_u64("+1", &v) == -EINVAL);
	CHECK(hmmt_parse_u64(" 1", &v) == -EINVAL);
	CHECK(hmmt_parse_u64("1 ", &v) == -EINVAL);
	CHECK(hmmt_parse_u64("1x", &v) == -EINVAL);
	CHECK(hmmt_parse_u64("0x", &v) == -EINVAL);
	CHECK(hmmt_parse_u64("0x-1", &v) == -EINVAL);
	CHECK(v == 77);
}

static void parse_durations(void)
{
	uint64_t v = 77;

	CHECK(!hmmt_parse_duration("250ms", &v) && v == 250);
	CHECK(!hmmt_parse_duration("45s", &v) && v == 45000);
	CHECK(!hmmt_parse_duration("45", &v) && v == 45000);
	CHECK(!hmmt_parse_duration("5m", &v) && v == 300000);
	CHECK(!hmmt_parse_duration("2h", &v) && v == 7200000);
	CHECK(!hmmt_parse_duration("1h30m", &v) && v == 5400000);
	CHECK(!hmmt_parse_duration("1m500ms", &v) && v == 60500);
	v = 77;
	CHECK(hmmt_parse_duration("", &v) == -EINVAL);
	CHECK(hmmt_parse_duration("s", &v) == -EINVAL);
	CHECK(hmmt_parse_duration("5d", &v) == -EINVAL);
	CHECK(hmmt_parse_duration("-5s", &v) == -EINVAL);
	CHECK(hmmt_parse_duration("5 s", &v) == -EINVAL);
	CHECK(hmmt_parse_duration("5s ", &v) == -EINVAL);
	CHECK(hmmt_parse_duration("18446744073709551615h", &v) == -ERANGE);
	CHECK(v == 77);
}

static void parse_fields(void)
{
	static const char text[] =
		"MemTotal:        1016 kB\nnr_anon 5\nnr_anon_pages 77\nVmPTE:\t   12 kB\nEmpty:\n";
	uint64_t v = 1;

	CHECK(!hmmt_parse_field(text, "MemTotal", &v) && v == 1016);
	CHECK(!hmmt_parse_field(text, "nr_anon", &v) && v == 5);
	CHECK(!hmmt_parse_field(text, "nr_anon_pages", &v) && v == 77);
	CHECK(!hmmt_parse_field(text, "VmPTE", &v) && v == 12);
	CHECK(hmmt_parse_field(text, "nr_an", &v) == -ENOENT);
	CHECK(hmmt_parse_field(text, "anon", &v) == -ENOENT);
	CHECK(hmmt_parse_field(text, "Empty", &v) == -EINVAL);
	CHECK(v == 12);
}

static void parse_stat(void)
{
	struct hmmt_task_stat st;

	/* a name made to confuse, and tty and tpgid negative */
	CHECK(!hmmt_parse_task_stat("12 (a) S (b)) R 1 12 12 0 -1 4194304 100 200 3 4 50 60 0 0 20 0 1",
				    &st));
	CHECK(st.state == 'R' && st.minflt == 100 && st.majflt == 3);
	CHECK(st.utime == 50 && st.stime == 60);
	CHECK(hmmt_parse_task_stat("12 (a) S 1 2", &st) == -EINVAL);
	CHECK(hmmt_parse_task_stat("", &st) == -EINVAL);
	CHECK(!hmmt_task_stat(getpid(), getpid(), &st) && st.minflt > 0);
	CHECK(hmmt_task_stat(getpid(), 1 << 30, &st) == -ENOENT);
}

static void pagemap_bits(void)
{
	struct hmmt_pagemap pm = hmmt_pagemap_decode(1ULL << 63 | 1ULL << 56 | 0x1234);

	CHECK(pm.present && pm.exclusive && !pm.swap && !pm.uffd_wp && pm.pfn == 0x1234);
	pm = hmmt_pagemap_decode(1ULL << 62 | 1ULL << 57 | 1ULL << 55 | 0x1234);
	CHECK(!pm.present && pm.swap && pm.uffd_wp && pm.soft_dirty && !pm.pfn);
	pm = hmmt_pagemap_decode(1ULL << 61);
	CHECK(pm.file_or_shared);
}

static void memory_of_this_process(void)
{
	uint64_t entry[2];
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	if (p == MAP_FAILED)
		return;
	p[0] = 1;
	CHECK(!hmmt_pagemap_read(getpid(), (unsigned long)p, 2, entry));
	CHECK(hmmt_pagemap_decode(entry[0]).present);
	CHECK(!hmmt_pagemap_decode(entry[1]).present);
}

static void mappings(void)
{
	unsigned long size = 4 * HMMT_PAGE_SIZE;
	FILE *f = fopen("/proc/self/maps", "r");
	struct hmmt_vma vma;
	unsigned long addr;
	char *p;

	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(f && p != MAP_FAILED);
	if (!f || p == MAP_FAILED)
		return;
	addr = (unsigned long)p;
	mprotect(p + HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE);
	munmap(p + 2 * HMMT_PAGE_SIZE, HMMT_PAGE_SIZE);
	CHECK(!hmmt_vma_at(fileno(f), addr + HMMT_PAGE_SIZE, &vma));
	CHECK(vma.start == addr + HMMT_PAGE_SIZE && vma.end == addr + 2 * HMMT_PAGE_SIZE);
	CHECK(vma.read && vma.write && !vma.shared);
	CHECK(!hmmt_vma_at(fileno(f), addr, &vma) && vma.read && !vma.write);
	CHECK(hmmt_vma_at(fileno(f), addr + 2 * HMMT_PAGE_SIZE, &vma) == -ENOENT);
	fclose(f);
	munmap(p, size);
}

static void files(void)
{
	uint64_t v = 0;
	char buf[64];

	CHECK(!hmmt_file_field("/proc/self/status", "VmRSS", &v) && v > 0);
	CHECK(!hmmt_file_field("/proc/meminfo", "MemTotal", &v) && v > 1000);
	CHECK(hmmt_read_file("/nonexistent/file", buf, sizeof(buf)) == -ENOENT);
	CHECK(hmmt_read_file("/proc/self/status", buf, sizeof(buf)) == sizeof(buf) - 1);
	CHECK(!hmmt_mthp_usable(12345));
}

static void function_lists(void)
{
	static const struct {
		const char *text;
		unsigned int line;
		int ret;
	} bad[] = {
		{ "a 1\nb\n", 2, -EINVAL },			/* no number */
		{ "a 0\n", 1, -EINVAL },
		{ "a 1 x\n", 1, -EINVAL },			/* more than is read */
		{ "#\n\n\ta -1\n", 3, -EINVAL },
		{ "a123456789b123456789c123456789d123456789e123456789f12345 1\n", 1, -EINVAL },
		{ "a 1\nb 2\nc 3\n", 3, -E2BIG },
	};
	struct hmmt_function f[2];
	unsigned int line, i;

	CHECK(hmmt_functions_parse("# why\n\nmigrate_vma_setup\t4 # this\n  b 16", f, 2,
				   &line) == 2);
	CHECK(!strcmp(f[0].name, "migrate_vma_setup") && f[0].one_in == 4 && !f[0].addr);
	CHECK(!strcmp(f[1].name, "b") && f[1].one_in == 16);
	CHECK(hmmt_functions_parse("", f, 2, &line) == 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(hmmt_functions_parse(bad[i].text, f, 2, &line) == bad[i].ret);
		CHECK(line == bad[i].line);
	}
}

static void no_device(void)
{
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	struct hmmt_stats st;

	CHECK(hmmt_open(&dev, 12345) == -ENOENT);
	CHECK(!hmmt_is_open(&dev));
	CHECK(hmmt_stats(&dev, &st) == -EBADF);
	CHECK(hmmt_migrate(&dev, 0, HMMT_PAGE_SIZE, 0, NULL) == -EBADF);
	hmmt_close(&dev);
	CHECK(!strcmp(hmmt_check_name(HMMT_CHECK_OK), "ok"));
	CHECK(!strcmp(hmmt_check_name(9999), "unknown violation"));
}

int main(void)
{
	static const struct ktap_case cases[] = {
		{ "rng.repeats", rng_repeats },
		{ "rng.known_values", rng_known_values },
		{ "rng.tape", rng_tape },
		{ "rng.streams_differ", rng_streams_differ },
		{ "rng.below_is_uniform", rng_below_is_uniform },
		{ "parse.numbers", parse_numbers },
		{ "parse.durations", parse_durations },
		{ "parse.fields", parse_fields },
		{ "parse.task_stat", parse_stat },
		{ "pagemap.bits", pagemap_bits },
		{ "pagemap.read", memory_of_this_process },
		{ "proc.vma_at", mappings },
		{ "proc.files", files },
		{ "calls.lists", function_lists },
		{ "dev.closed", no_device },
	};

	return ktap_run(cases, sizeof(cases) / sizeof(cases[0]));
}
