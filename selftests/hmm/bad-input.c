// SPDX-License-Identifier: GPL-2.0
/*
 * hmm-bad-input: what each command answers to each mistake. A row breaks one
 * field of a call that succeeds. After each row the same call without the mistake
 * succeeds and no page has moved. With --list the rows are only printed, as they
 * stand in docs/errors.md.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"

#define KERNEL_ADDR	0xffff888000000000UL
#define UNMAPPED	0x300000000000UL
#define TOP		(1UL << 56)	/* with five levels; not canonical with four */
#define ARG_SIZE	1024

static bool listing;
static char *arg;		/* a page for structs, then one that cannot be accessed */
static char *readonly;
static char data[64 * HMMT_PAGE_SIZE];

/* Calls that succeed, on 4 pages of memory that is there */
static void good(unsigned int cmd, void *p)
{
	uint64_t addr = (uintptr_t)area, len = 4 * HMMT_PAGE_SIZE, ptr = (uintptr_t)data;

	memset(p, 0, ARG_SIZE);
	switch (cmd) {
	case HMMT_MIGRATE:
		*(struct hmmt_migrate *)p = (struct hmmt_migrate) {
			.addr = addr, .len = len, .flags = HMMT_MIGRATE_DROP,
		};
		break;
	case HMMT_ACCESS:
		*(struct hmmt_access *)p = (struct hmmt_access) {
			.addr = addr, .ptr = ptr, .len = len,
		};
		break;
	case HMMT_SNAPSHOT:
		*(struct hmmt_snapshot *)p = (struct hmmt_snapshot) {
			.addr = addr, .len = len, .ptr = ptr,
		};
		break;
	case HMMT_CHECKSUM:
		*(struct hmmt_checksum *)p = (struct hmmt_checksum) {
			.addr = addr, .len = len, .ptr = ptr,
		};
		break;
	case HMMT_PIN:
		((struct hmmt_pin *)p)->addr = addr;
		((struct hmmt_pin *)p)->len = len;
		break;
	case HMM_DMIRROR_FLAGS:
		break;
	case HMM_DMIRROR_MIGRATE_TO_DEV:
	case HMM_DMIRROR_READ:
	case HMM_DMIRROR_WRITE:
	case HMM_DMIRROR_MIGRATE_TO_SYS:
	case HMM_DMIRROR_SNAPSHOT:
	case HMM_DMIRROR_EXCLUSIVE:
	case HMM_DMIRROR_CHECK_EXCLUSIVE:
		*(struct hmm_dmirror_cmd *)p = (struct hmm_dmirror_cmd) {
			.addr = addr, .ptr = ptr, .npages = 4,
		};
	}
	/* what a write writes is what is there */
	memcpy(data, area, len);
}

static const struct {
	unsigned int cmd;
	const char *name;
} commands[] = {
#define COMMAND(c) { c, #c }
	COMMAND(HMM_DMIRROR_READ), COMMAND(HMM_DMIRROR_WRITE),
	COMMAND(HMM_DMIRROR_MIGRATE_TO_DEV), COMMAND(HMM_DMIRROR_MIGRATE_TO_SYS),
	COMMAND(HMM_DMIRROR_SNAPSHOT), COMMAND(HMM_DMIRROR_EXCLUSIVE),
	COMMAND(HMM_DMIRROR_CHECK_EXCLUSIVE), COMMAND(HMM_DMIRROR_RELEASE),
	COMMAND(HMM_DMIRROR_FLAGS), COMMAND(HMMT_MIGRATE), COMMAND(HMMT_ACCESS),
	COMMAND(HMMT_SNAPSHOT), COMMAND(HMMT_STATS), COMMAND(HMMT_CHECK), COMMAND(HMMT_EVICT),
	COMMAND(HMMT_TUNE), COMMAND(HMMT_INJECT), COMMAND(HMMT_CHECKSUM), COMMAND(HMMT_PIN),
	COMMAND(HMMT_PERTURB), COMMAND(HMMT_CALLS), COMMAND(HMMT_UNPLUG), COMMAND(HMMT_API),
	COMMAND(HMMT_CATCH),
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

/* 0 or the errno */
static int call(int fd, unsigned int cmd, void *p)
{
	return ioctl(fd, cmd, p) ? errno : 0;
}

static bool setup(void)
{
	TRY(fill(1, false));
	arg = mmap(NULL, 2 * HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	readonly = mmap(NULL, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	WANT(arg != MAP_FAILED && readonly != MAP_FAILED, "mmap: %s", strerror(errno));
	WANT(!mprotect(arg + HMMT_PAGE_SIZE, HMMT_PAGE_SIZE, PROT_NONE), "%s", strerror(errno));
	return true;
}

/* Pins of a call that was to succeed, and EXCLUSIVE's entries, go away, a chunk comes back */
static bool undo(void)
{
	TRY(verify(0, HMMT_PMD_PAGES));
	WANT(!hmmt_pin(&dev0, 0, 0, HMMT_PIN_RELEASE, NULL), "release");
	WANT(hmmt_plug_all(&dev0) >= 0, "plug");
	return true;
}

static bool is_good(unsigned int cmd, const char *name)
{
	int err;

	if (listing)
		return true;
	TRY(undo());
	good(cmd, arg);
	err = call(dev0.fd, cmd, arg);
	WANT(!err, "%s without a mistake: %s", name, strerror(err));
	return undo();
}

/* The answer to one mistake. @out: what the out fields say, for the list */
static bool want_err(const char *what, int err, int want, const char *out)
{
	if (listing) {
		printf("| %s | %s | %s |\n", what, want ? strerrorname_np(want) : "ok", out);
		return true;
	}
	WANT(err == want, "%s: %s, not %s", what, err ? strerrorname_np(err) : "ok",
	     want ? strerrorname_np(want) : "ok");
	return undo();
}

static void heading(const char *text)
{
	if (listing)
		printf("\n## %s\n\n| mistake | answer | out fields |\n|---|---|---|\n", text);
}

static const char *command_name(unsigned int cmd)
{
	size_t i;

	for (i = 0; commands[i].cmd != cmd; i++)
		;
	return commands[i].name;
}

/* Which command it was that did not answer so */
static bool named(const char *name, bool ok)
{
	char text[sizeof(why)];

	if (!ok) {
		memcpy(text, why, sizeof(text));
		explain(name, "%s", text);
	}
	return ok;
}

/* @call is only made when it is not about the list */
#define ANSWER(what, call, err, out)	TRY(want_err(what, listing ? 0 : (call), err, out))

/* The struct itself: where it is, and how long */
static bool structs(void)
{
	size_t i;

	TRY(setup());
	heading("Every command: the struct");
	/* all say the same, but for what a command has no use for */
	for (i = 0; i < (listing ? 1 : NR_COMMANDS); i++) {
		unsigned int cmd = commands[i].cmd, size = _IOC_SIZE(cmd), dir = _IOC_DIR(cmd);
		bool in = dir & _IOC_WRITE;
		unsigned int nr = _IOC_NR(cmd);
		const char *name = commands[i].name;
		char *tail = arg + HMMT_PAGE_SIZE - size;
		int more;

#define ERR(what, fd, cmd, p, err) \
	TRY(named(name, want_err(what, listing ? 0 : call(fd, cmd, p), err, \
			    ((err) != 0) ? "as they were" : "filled in")))
		TRY(is_good(cmd, name));
		ERR("no struct", dev0.fd, cmd, NULL, EFAULT);
		ERR("struct in the kernel", dev0.fd, cmd, (void *)KERNEL_ADDR, EFAULT);
		ERR("struct nowhere", dev0.fd, cmd, (void *)UNMAPPED, EFAULT);
		ERR("struct behind user space", dev0.fd, cmd, (void *)TOP, EFAULT);
		good(cmd, arg);
		memcpy(tail + 8, arg, size - 8);
		ERR("end of the struct not there", dev0.fd, cmd, tail + 8, EFAULT);
		mprotect(readonly, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE);
		good(cmd, readonly);
		mprotect(readonly, HMMT_PAGE_SIZE, PROT_READ);
		ERR("struct that cannot be written", dev0.fd, cmd, readonly, EFAULT);
		good(cmd, arg);
		memmove(arg + 1, arg, size);
		ERR("misaligned struct", dev0.fd, cmd, arg + 1, 0);
		good(cmd, arg);
		ERR("short struct", dev0.fd, _IOC(dir, 'H', nr, 8), arg, EINVAL);
		ERR("empty struct", dev0.fd, _IOC(dir, 'H', nr, 0), arg, EINVAL);
		good(cmd, arg);
		ERR("longer struct", dev0.fd, _IOC(dir, 'H', nr, size + 8), arg, 0);
		good(cmd, arg);
		arg[size + 7] = 1;
		more = in ? E2BIG : 0;
		ERR("longer struct that says more", dev0.fd, _IOC(dir, 'H', nr, size + 8), arg,
		    more);
		good(cmd, arg);
		ERR("no direction", dev0.fd, _IOC(0, 'H', nr, size), arg, ENOTTY);
		ERR("other type", dev0.fd, _IOC(dir, 'G', nr, size), arg, ENOTTY);
		ERR("no such command", dev0.fd, _IOC(dir, 'H', nr + 0x80, size), arg, ENOTTY);
		ERR("no file", -1, cmd, arg, EBADF);
		ERR("other file", STDIN_FILENO, cmd, arg, ENOTTY);
#undef ERR
		TRY(is_good(cmd, name));
	}
	return true;
}

/* One field, of 4 or 8 bytes, that is wrong */
struct bad {
	unsigned int	cmd;
	size_t		off;
	unsigned int	width;
	uint64_t	val;
	int		err;
	const char	*what;
};

#define FIELD(c, s, f, v, e, w) \
	{ c, offsetof(struct s, f), sizeof(((struct s *)0)->f), v, e, #f " " w }

/* Ranges of commands that fault in what is there */
#define BAD_RANGE(c, s, l, unit)						\
	FIELD(c, s, addr, 0x200000000001UL, EINVAL, "misaligned"),		\
	FIELD(c, s, addr, KERNEL_ADDR, EINVAL, "in the kernel"),		\
	FIELD(c, s, addr, TOP, EINVAL, "behind user space"),			\
	FIELD(c, s, addr, TOP - 2 * HMMT_PAGE_SIZE, EINVAL, "ends behind user space"), \
	FIELD(c, s, addr, -HMMT_PAGE_SIZE, EINVAL, "wraps"),			\
	FIELD(c, s, l, 0, EINVAL, "empty"),					\
	FIELD(c, s, l, -(unit), EINVAL, "wraps")
#define BAD_LEN(c, s)	FIELD(c, s, len, 4097, EINVAL, "misaligned")
#define BAD_HOLE(c, s, e)	FIELD(c, s, addr, UNMAPPED, e, "not mapped")
#define BAD_PTR(c, s)							\
	FIELD(c, s, ptr, 16, EFAULT, "nowhere"),			\
	FIELD(c, s, ptr, KERNEL_ADDR, EFAULT, "in the kernel")
#define BAD_RESERVED(c, s)	FIELD(c, s, reserved, 1, EINVAL, "set")
#define BAD_FLAGS(c, s)		FIELD(c, s, flags, 1U << 31, EINVAL, "unknown")

static const struct bad bad[] = {
	BAD_RANGE(HMM_DMIRROR_READ, hmm_dmirror_cmd, npages, 1UL),
	BAD_HOLE(HMM_DMIRROR_READ, hmm_dmirror_cmd, EFAULT),
	BAD_PTR(HMM_DMIRROR_READ, hmm_dmirror_cmd),
	BAD_RANGE(HMM_DMIRROR_WRITE, hmm_dmirror_cmd, npages, 1UL),
	BAD_HOLE(HMM_DMIRROR_WRITE, hmm_dmirror_cmd, EFAULT),
	BAD_PTR(HMM_DMIRROR_WRITE, hmm_dmirror_cmd),
	BAD_RANGE(HMM_DMIRROR_MIGRATE_TO_DEV, hmm_dmirror_cmd, npages, 1UL),
	BAD_HOLE(HMM_DMIRROR_MIGRATE_TO_DEV, hmm_dmirror_cmd, EINVAL),
	BAD_RANGE(HMM_DMIRROR_MIGRATE_TO_SYS, hmm_dmirror_cmd, npages, 1UL),
	BAD_HOLE(HMM_DMIRROR_MIGRATE_TO_SYS, hmm_dmirror_cmd, EINVAL),
	BAD_RANGE(HMM_DMIRROR_SNAPSHOT, hmm_dmirror_cmd, npages, 1UL),
	BAD_HOLE(HMM_DMIRROR_SNAPSHOT, hmm_dmirror_cmd, 0),
	BAD_PTR(HMM_DMIRROR_SNAPSHOT, hmm_dmirror_cmd),
	BAD_RANGE(HMM_DMIRROR_EXCLUSIVE, hmm_dmirror_cmd, npages, 1UL),
	BAD_HOLE(HMM_DMIRROR_EXCLUSIVE, hmm_dmirror_cmd, EFAULT),
	BAD_PTR(HMM_DMIRROR_EXCLUSIVE, hmm_dmirror_cmd),
	BAD_RANGE(HMM_DMIRROR_CHECK_EXCLUSIVE, hmm_dmirror_cmd, npages, 1UL),
	FIELD(HMM_DMIRROR_FLAGS, hmm_dmirror_cmd, npages, 2, EINVAL, "unknown"),

	BAD_RANGE(HMMT_MIGRATE, hmmt_migrate, len, HMMT_PAGE_SIZE),
	BAD_LEN(HMMT_MIGRATE, hmmt_migrate), BAD_FLAGS(HMMT_MIGRATE, hmmt_migrate),
	BAD_HOLE(HMMT_MIGRATE, hmmt_migrate, EFAULT),
	FIELD(HMMT_MIGRATE, hmmt_migrate, peer, 1, EINVAL, "without the flag"),
	FIELD(HMMT_MIGRATE, hmmt_migrate, flags, HMMT_MIGRATE_PEER | HMMT_MIGRATE_TO_SYS, EINVAL,
	      "that contradict"),
	BAD_RANGE(HMMT_ACCESS, hmmt_access, len, 8UL),
	FIELD(HMMT_ACCESS, hmmt_access, len, 12, EINVAL, "misaligned"),
	BAD_FLAGS(HMMT_ACCESS, hmmt_access), BAD_RESERVED(HMMT_ACCESS, hmmt_access),
	BAD_HOLE(HMMT_ACCESS, hmmt_access, EFAULT), BAD_PTR(HMMT_ACCESS, hmmt_access),
	BAD_RANGE(HMMT_SNAPSHOT, hmmt_snapshot, len, HMMT_PAGE_SIZE),
	BAD_LEN(HMMT_SNAPSHOT, hmmt_snapshot), BAD_FLAGS(HMMT_SNAPSHOT, hmmt_snapshot),
	BAD_RESERVED(HMMT_SNAPSHOT, hmmt_snapshot), BAD_PTR(HMMT_SNAPSHOT, hmmt_snapshot),
	BAD_HOLE(HMMT_SNAPSHOT, hmmt_snapshot, 0),
	BAD_RANGE(HMMT_CHECKSUM, hmmt_checksum, len, HMMT_PAGE_SIZE),
	BAD_LEN(HMMT_CHECKSUM, hmmt_checksum), BAD_FLAGS(HMMT_CHECKSUM, hmmt_checksum),
	BAD_RESERVED(HMMT_CHECKSUM, hmmt_checksum), BAD_PTR(HMMT_CHECKSUM, hmmt_checksum),
	BAD_HOLE(HMMT_CHECKSUM, hmmt_checksum, EFAULT),
	BAD_RANGE(HMMT_PIN, hmmt_pin, len, HMMT_PAGE_SIZE),
	BAD_LEN(HMMT_PIN, hmmt_pin), BAD_FLAGS(HMMT_PIN, hmmt_pin),
	BAD_RESERVED(HMMT_PIN, hmmt_pin), BAD_HOLE(HMMT_PIN, hmmt_pin, EFAULT),
	FIELD(HMMT_PIN, hmmt_pin, len, 2UL << 30, E2BIG, "more than may be"),
	FIELD(HMMT_PIN, hmmt_pin, flags, HMMT_PIN_RELEASE, ENOENT, "of what is not pinned"),
	FIELD(HMMT_PIN, hmmt_pin, flags, HMMT_PIN_RELEASE | HMMT_PIN_WRITE, EINVAL,
	      "that contradict"),

	FIELD(HMMT_CHECK, hmmt_check, flags, 2, EINVAL, "unknown"),
	FIELD(HMMT_CHECK, hmmt_check, flags, HMMT_CHECK_BUST(255), EINVAL, "no such check"),
	FIELD(HMMT_CHECK, hmmt_check, flags, HMMT_CHECK_BUST(1), EPERM,
	      "breaks, without the parameter bust"),
	FIELD(HMMT_EVICT, hmmt_evict, mode, 4, EINVAL, "unknown"),
	BAD_FLAGS(HMMT_EVICT, hmmt_evict),
	FIELD(HMMT_EVICT, hmmt_evict, pfn, 1, EINVAL, "for all"),
	FIELD(HMMT_EVICT, hmmt_evict, nr, 1, EINVAL, "for all"),
	FIELD(HMMT_EVICT, hmmt_evict, ptr, 1, EINVAL, "for all"),
	FIELD(HMMT_EVICT, hmmt_evict, mode, HMMT_EVICT_CHUNK, EINVAL, "of no page"),
	FIELD(HMMT_EVICT, hmmt_evict, mode, HMMT_EVICT_RANGE, EINVAL, "of no page"),
	FIELD(HMMT_EVICT, hmmt_evict, mode, HMMT_EVICT_PFNS, EINVAL, "of no pages"),
	FIELD(HMMT_TUNE, hmmt_tune, cpu_window, 8192, EINVAL, "no such window"),
	FIELD(HMMT_TUNE, hmmt_tune, dev_window, ~0ULL, EINVAL, "no such window"),
	BAD_FLAGS(HMMT_TUNE, hmmt_tune),
	FIELD(HMMT_TUNE, hmmt_tune, event, 1, EINVAL, "at no point"),
	FIELD(HMMT_TUNE, hmmt_tune, hold, 4, EINVAL, "no such point"),
	FIELD(HMMT_TUNE, hmmt_tune, hold, HMMT_HOLD_COPIED, EINVAL, "for no time"),
	FIELD(HMMT_TUNE, hmmt_tune, hold_ms, 10, EINVAL, "at no point"),
	FIELD(HMMT_INJECT, hmmt_inject, sites, HMMT_SITE_ALL + 1, EINVAL, "unknown"),
	FIELD(HMMT_INJECT, hmmt_inject, probability, 65537, EINVAL, "above 1"),
	FIELD(HMMT_PERTURB, hmmt_perturb, max, 1000001, EINVAL, "too long"),
	BAD_RESERVED(HMMT_PERTURB, hmmt_perturb),
	FIELD(HMMT_CALLS, hmmt_calls, nr, HMMT_CALLS_MAX + 1, EINVAL, "too many"),
	FIELD(HMMT_CALLS, hmmt_calls, pauses, 1, EINVAL, "of nothing"),
	BAD_FLAGS(HMMT_CALLS, hmmt_calls), BAD_RESERVED(HMMT_CALLS, hmmt_calls),
	FIELD(HMMT_UNPLUG, hmmt_unplug, chunk, 1U << 20, ENXIO, "no such chunk"),
	FIELD(HMMT_UNPLUG, hmmt_unplug, flags, HMMT_UNPLUG_PLUG, EALREADY, "of what is there"),
	BAD_FLAGS(HMMT_UNPLUG, hmmt_unplug),
	FIELD(HMMT_UNPLUG, hmmt_unplug, timeout_ms, 10001, EINVAL, "too long"),
	BAD_RESERVED(HMMT_UNPLUG, hmmt_unplug),
	FIELD(HMMT_CATCH, hmmt_catch, nth, 1, EINVAL, "for no time"),
	FIELD(HMMT_CATCH, hmmt_catch, us, 1, EINVAL, "at no call"),
	BAD_FLAGS(HMMT_API, hmmt_api),
	FIELD(HMMT_API, hmmt_api, addr, 8, EINVAL, "misaligned"),
	FIELD(HMMT_API, hmmt_api, which, 1000, ENODATA, "behind the last row"),
	FIELD(HMMT_API, hmmt_api, flags, HMMT_API_RUN, EPERM, "runs, without the parameter bust"),
};

/* A command that is refused at once writes no out fields */
static bool in_place(const struct bad *b, const char *was)
{
	return !memcmp(arg, was, _IOC_SIZE(b->cmd));
}

static bool fields(void)
{
	size_t i;

	TRY(setup());
	heading("One wrong field");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad *b = &bad[i];
		bool refused = b->err == EINVAL || b->err == EPERM || b->err == ENODATA;
		char text[128], was[ARG_SIZE];

		snprintf(text, sizeof(text), "%s %s", command_name(b->cmd), b->what);
		good(b->cmd, arg);
		memcpy(arg + b->off, &b->val, b->width);
		memcpy(was, arg, ARG_SIZE);
		ANSWER(text, call(dev0.fd, b->cmd, arg), b->err, refused ? "as they were" :
		       b->err ? "how far it came" : "filled in");
		WANT(!refused || in_place(b, was), "%s: refused, and the struct has changed", text);
		TRY(is_good(b->cmd, text));
	}
	return true;
}

/* What each says at the end of a mapping, and how far it came */
static bool half_there(void)
{
	unsigned long last = (unsigned long)area + HMMT_PMD_SIZE - 2 * HMMT_PAGE_SIZE;
	unsigned long len = 4 * HMMT_PAGE_SIZE;
	struct hmmt_checksum sum = { 0 };
	struct hmmt_migrate m = { .done = len / 2, .migrated = 2 };
	struct hmmt_access a = { 0 };
	struct hmmt_pin p = { 0 };

	heading("Two of four pages are mapped");
	TRY(fill(1, false));
	ANSWER("HMMT_MIGRATE", -hmmt_migrate(&dev0, last, len, 0, &m), EFAULT,
	       "done: the mapped half, which has moved");
	WANT(m.done == len / 2 && m.migrated == 2, "migrate: done %llu migrated %llu", m.done,
	     m.migrated);
	ANSWER("HMMT_ACCESS", -hmmt_access(&dev0, last, data, len, 0, &a), EFAULT,
	       "done: not more than the mapped half");
	WANT(a.done <= len / 2, "access: done %llu", a.done);
	ANSWER("HMMT_CHECKSUM", -hmmt_checksum(&dev0, last, len, NULL, &sum), EFAULT,
	       "done: not more than the mapped half");
	WANT(sum.done <= len / 2, "sum: done %llu", sum.done);
	ANSWER("HMMT_PIN", -hmmt_pin(&dev0, last, len, 0, &p), EFAULT, "nothing is pinned");
	WANT(!p.held && !p.done, "pin: held %llu", p.held);
	return listing || undo();
}

/* Memory that may not be accessed, or not be written */
static bool permissions(void)
{
	unsigned long a = (unsigned long)area;

	heading("No permission");
	TRY(fill(1, false));
	mprotect(area, HMMT_PAGE_SIZE, PROT_READ);
	ANSWER("HMMT_ACCESS writes to PROT_READ",
	       -hmmt_access(&dev0, a, data, 8, HMMT_ACCESS_WRITE, NULL), EPERM, "done: before it");
	ANSWER("HMMT_PIN to write of PROT_READ",
	       -hmmt_pin(&dev0, a, HMMT_PAGE_SIZE, HMMT_PIN_WRITE, NULL), EFAULT,
	       "nothing is pinned");
	ANSWER("HMMT_ACCESS reads PROT_READ", -hmmt_access(&dev0, a, data, 8, 0, NULL), 0, "all");
	mprotect(area, HMMT_PAGE_SIZE, PROT_NONE);
	/* else the checks behind each row would fault */
	if (!listing) {
		int ret = hmmt_access(&dev0, a, data, 8, 0, NULL);

		WANT(ret == -EFAULT, "read of PROT_NONE: %d", ret);
		ret = hmmt_pin(&dev0, a, HMMT_PAGE_SIZE, 0, NULL);
		WANT(ret == -EFAULT, "pin of PROT_NONE: %d", ret);
	}
	mprotect(area, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE);
	ANSWER("HMMT_ACCESS reads PROT_NONE", EFAULT, EFAULT, "done: before it");
	ANSWER("HMMT_PIN of PROT_NONE", EFAULT, EFAULT, "nothing is pinned");
	return true;
}

/* Mappings that cannot be migrated or taken */
static bool special_mappings(void)
{
	struct hmm_dmirror_cmd cmd = { .ptr = (uintptr_t)data, .npages = 1 };
	char *p = NULL;

	heading("Mappings of another kind");
	if (!listing) {
		TRY(fill(1, false));
		p = mmap(NULL, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dev0.fd, 0);
		WANT(p != MAP_FAILED, "mmap of the device: %s", strerror(errno));
		*p = 1;
	}
	ANSWER("HMMT_MIGRATE of a mapping of the device",
	       -hmmt_migrate(&dev0, (uintptr_t)p, HMMT_PAGE_SIZE, 0, NULL), EINVAL,
	       "done: what came before it");
	p = mmap(NULL, HMMT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	WANT(p != MAP_FAILED, "%s", strerror(errno));
	*p = 1;
	cmd.addr = (uintptr_t)p;
	ANSWER("HMM_DMIRROR_EXCLUSIVE of shared memory",
	       call(dev0.fd, HMM_DMIRROR_EXCLUSIVE, &cmd), EOPNOTSUPP, "0");
	munmap(p, HMMT_PAGE_SIZE);
	return true;
}

/* A file whose address space is gone, and one that belongs to the parent */
static bool other_process(void)
{
	uint64_t v = 0;
	int ret, status = 0;
	pid_t pid;

	TRY(fill(1, false));
	pid = fork();
	if (!pid) {
		/* our child, and so our addresses */
		hmmt_migrate(&dev0, (unsigned long)area, HMMT_PAGE_SIZE, 0, NULL);
		ret = hmmt_access(&dev0, (unsigned long)area, &v, 8, 0, NULL);
		_exit(ret || v != *(uint64_t *)area);
	}
	TRY(reaped(pid, &status));
	WANT(!status, "child with our file: status %#x", status);
	return verify(0, HMMT_PMD_PAGES);
}

/* A file that another process opened, which ends then */
static bool orphan_open(struct hmmt_dev *dev)
{
	int fds[2], pidfd, fd = -1;
	pid_t pid;

	WANT(!pipe(fds), "%s", strerror(errno));
	pid = fork();
	if (!pid) {
		fd = hmmt_open(dev, 0) ? -1 : dev->fd;
		if (write(fds[1], &fd, sizeof(fd)) != sizeof(fd))
			_exit(1);
		pause();
	}
	WANT(pid > 0, "fork: %s", strerror(errno));
	WANT(read(fds[0], &fd, sizeof(fd)) == sizeof(fd) && fd >= 0, "child: %d", fd);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	dev->fd = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	close(pidfd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	WANT(dev->fd >= 0, "pidfd_getfd: %s", strerror(errno));
	return true;
}

static bool dead_process(void)
{
	unsigned long a = (unsigned long)area;
	struct hmmt_dev dev = HMMT_DEV_CLOSED;
	struct hmmt_check c = { 0 };
	struct hmmt_stats st;
	uint16_t out;
	uint64_t v;

	heading("The mirrored process is gone");
	if (!listing) {
		TRY(fill(1, false));
		TRY(orphan_open(&dev));
	}
	ANSWER("HMMT_MIGRATE", -hmmt_migrate(&dev, a, HMMT_PAGE_SIZE, 0, NULL), ESRCH, "0");
	ANSWER("HMMT_ACCESS", -hmmt_access(&dev, a, &v, 8, 0, NULL), ESRCH, "0");
	ANSWER("HMMT_SNAPSHOT", -hmmt_snapshot(&dev, a, HMMT_PAGE_SIZE, &out), ESRCH, "0");
	ANSWER("HMMT_CHECKSUM", -hmmt_checksum(&dev, a, HMMT_PAGE_SIZE, NULL, NULL), ESRCH, "0");
	ANSWER("HMMT_PIN", -hmmt_pin(&dev, a, HMMT_PAGE_SIZE, 0, NULL), ESRCH, "0");
	ANSWER("HMMT_STATS, HMMT_CHECK, HMMT_EVICT",
	       -(hmmt_stats(&dev, &st) ?: hmmt_check(&dev, 0, &c) ?: hmmt_evict(&dev, NULL)), 0,
	       "as ever");
	WANT(!c.check, "%s", hmmt_check_name(c.check));
	hmmt_close(&dev);
	return true;
}

static const struct test tests[] = {
	{ "structs", structs },
	{ "fields", fields },
	{ "half_there", half_there },
	{ "permissions", permissions },
	{ "special_mappings", special_mappings },
	{ "other_process", other_process },
	{ "dead_process", dead_process },
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))

/* The same code, with memory of its own and without a device */
static int list(void)
{
	size_t i;

	area = (char *)0x200000000000UL;
	listing = true;
	for (i = 0; i < NR_TESTS; i++)
		if (tests[i].run != other_process && !tests[i].run())
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	parse_options(argc, argv);
	return run_tests("hmm-bad-input", tests, NR_TESTS);
}
