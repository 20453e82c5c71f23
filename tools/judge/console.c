// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a console of any size and any state in one pass.
 *
 * Only kernel lines count: those behind a "[ seconds.micros] " stamp. User
 * space writes to the same port, so a stamp may also stand behind the beginning
 * of a user's line (that text is the kernel's if its time fits), and a panic may
 * begin in the middle of another CPU's line.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

#define OPEN_LINES	200	/* a report is not longer than this */
#define PENDING_LINES	60	/* nor is a page dump in front of one */
#define OUR_MODULE	" [test_hmm]"	/* behind a function of the driver */
#define INJECTED	64		/* memory failures of a test that are remembered */

struct parser {
	struct hmmt_console *con;
	int64_t now_us;
	char row[HMMT_ROW_MAX];		/* of the matrix */

	/* the report being read */
	const struct hmmt_splat_rule *rule;
	struct hmmt_splat cur;
	char what[HMMT_TITLE_MAX];	/* for the %s of the title, or a better title */
	bool better;			/* what replaces the title of the rule */
	char access[8];			/* KASAN's " Read" or " Write" */
	char line_fn[128], rip[128], at[128], sure[128], guess[128];
	bool rip_seen, idle;
	unsigned int open_lines;

	/* page numbers of failures that a test asked for; the oldest ones give way */
	unsigned long injected[INJECTED];
	unsigned int nr_injected;

	/* a message in front of the report that says more than the report */
	char pending[HMMT_TITLE_MAX];
	bool pending_dump;
	unsigned int pending_age;
	unsigned long pending_line;
};

static const struct {
	const char *start;
	const char *title;	/* NULL: the line itself */
} messages[] = {
	{ "list_add ", "list_add corruption" },
	{ "list_add corruption", "list_add corruption" },
	{ "list_del corruption", "list_del corruption" },
	{ "refcount_t: ", NULL },
	{ "ODEBUG: ", "ODEBUG bug" },
	{ "DEBUG_LOCKS_WARN_ON(", NULL },
};

/* True when @s is a stamp; *@end is behind it and its blank. */
static bool stamp(const char *s, const char **end, int64_t *us)
{
	char *p;
	unsigned long long sec, frac;
	int i;

	if (*s != '[')
		return false;
	for (s++; *s == ' '; s++)
		;
	if (!isdigit((unsigned char)*s))
		return false;
	sec = strtoull(s, &p, 10);
	if (*p != '.' || sec > (1ULL << 40))
		return false;
	p++;
	for (i = 0, frac = 0; i < 6; i++, p++) {
		if (!isdigit((unsigned char)*p))
			return false;
		frac = frac * 10 + (unsigned int)(*p - '0');
	}
	if (*p++ != ']')
		return false;
	/* PRINTK_CALLER: "[    T1]" or "[    C0]" */
	if (*p == '[') {
		const char *q = p + 1;

		while (*q == ' ')
			q++;
		if (*q == 'T' || *q == 'C') {
			for (q++; isdigit((unsigned char)*q); q++)
				;
			if (*q == ']')
				p = (char *)q + 1;
		}
	}
	if (*p && *p != ' ')
		return false;
	*end = *p ? p + 1 : p;
	*us = (int64_t)(sec * 1000000 + frac);
	return true;
}

static struct hmmt_splat *find_splat(struct hmmt_console *con, const struct hmmt_splat *s)
{
	unsigned int i;

	for (i = 0; i < con->nr_splats; i++)
		if (con->splat[i].folded == s->folded && !strcmp(con->splat[i].title, s->title))
			return &con->splat[i];
	return NULL;
}

static void add_splat(struct hmmt_console *con, const struct hmmt_splat *s)
{
	struct hmmt_splat *same = find_splat(con, s);

	if (same)
		same->count++;
	else if (con->nr_splats < HMMT_SPLATS_MAX)
		con->splat[con->nr_splats++] = *s;
	else
		con->overflow++;
}

static bool any_fatal(const struct hmmt_console *con)
{
	unsigned int i;

	for (i = 0; i < con->nr_splats; i++)
		if (con->splat[i].fatal)
			return true;
	return false;
}

static const char *pick_function(const struct parser *p)
{
	switch (p->rule->where) {
	case HMMT_WHERE_NONE:
		return "";
	case HMMT_WHERE_LINE:
		if (*p->line_fn)
			return p->line_fn;
		break;
	case HMMT_WHERE_RIP:
		if (*p->rip)
			return p->rip;
		break;
	case HMMT_WHERE_AT:
		if (*p->at)
			return p->at;
		break;
	case HMMT_WHERE_STACK:
		break;
	}
	/* Without an unwinder every frame is a guess; the first is the best one. */
	return *p->sure ? p->sure : p->guess;
}

static void close_splat(struct parser *p)
{
	char body[HMMT_TITLE_MAX * 2 + 16];
	const char *fn;

	if (!p->rule)
		return;
	if (p->cur.hang) {
		if (*p->rip)
			fn = p->rip;
		else if (p->idle)
			fn = "";
		else
			fn = *p->sure ? p->sure : p->guess;
		p->con->nmi_idle = !*fn;
		hmmt_copy(body, sizeof(body), "hang");
	} else {
		const char *pct = strstr(p->rule->title, "%s");

		fn = pick_function(p);
		if (p->better)
			snprintf(body, sizeof(body), "%s", p->what);
		else if (pct)
			snprintf(body, sizeof(body), "%.*s%s%s%s", (int)(pct - p->rule->title),
				 p->rule->title, p->what, pct + 2, p->access);
		else
			snprintf(body, sizeof(body), "%s", p->rule->title);
	}
	if (*fn && strlen(body) + strlen(fn) + 5 < sizeof(body)) {
		strcat(body, " in ");
		strcat(body, fn);
	}
	hmmt_copy(p->cur.title, sizeof(p->cur.title), body);
	p->cur.folded = any_fatal(p->con);
	add_splat(p->con, &p->cur);
	p->rule = NULL;
}

/* Nothing followed a page dump: then the dump is the report. */
static void drop_pending(struct parser *p)
{
	if (*p->pending && p->pending_dump) {
		struct hmmt_splat s = {
			.kind = "page-dump", .line = p->pending_line, .time_us = p->now_us,
			.count = 1, .folded = any_fatal(p->con),
		};

		snprintf(s.title, sizeof(s.title), "page dumped: %.180s", p->pending);
		add_splat(p->con, &s);
	}
	*p->pending = '\0';
}

static void keep(char *to, size_t size, const char *symbol)
{
	char name[128];

	if (!*to && hmmt_title_symbol(symbol, name, sizeof(name)) &&
	    !hmmt_title_is_plumbing(name) && !hmmt_title_is_idle(name))
		hmmt_copy(to, size, name);
}

/* The function of "WARNING: file:1 at fn+0x1/0x2" and of the older order. */
static void line_function(struct parser *p, const char *text)
{
	const char *s = strstr(text, " at ");
	const char *in = strstr(text, " in ");
	const char *plus;

	if (!s || (in && in < s && !strncmp(text, "BUG: ", 5)))
		s = in;
	if (!s)
		return;
	s += 4;
	plus = strstr(s, "+0x");
	if (plus && memchr(s, ' ', (size_t)(plus - s)))
		s = strchr(s, ' ') + 1;
	keep(p->line_fn, sizeof(p->line_fn), s);
}

static void open_splat(struct parser *p, const struct hmmt_splat_rule *r, const char *text,
		       unsigned long line)
{
	bool body = r->where == HMMT_WHERE_LINE || !strcmp(r->kind, "bug");

	close_splat(p);
	p->rule = r;
	memset(&p->cur, 0, sizeof(p->cur));
	p->cur.kind = r->kind;
	p->cur.line = line;
	p->cur.time_us = p->now_us;
	p->cur.count = 1;
	p->cur.fatal = r->fatal;
	hmmt_copy(p->cur.row, sizeof(p->cur.row), p->row);
	*p->what = *p->access = *p->line_fn = *p->rip = *p->at = *p->sure = *p->guess = '\0';
	p->better = p->rip_seen = p->idle = false;
	p->open_lines = 0;
	if (r->take)
		r->take(text + strlen(r->start), p->what, sizeof(p->what));
	if (r->where == HMMT_WHERE_LINE) {
		line_function(p, text);
		p->cur.driver = strstr(text, OUR_MODULE);
	}
	if (*p->pending && body) {
		hmmt_copy(p->what, sizeof(p->what), p->pending);
		p->better = true;
		*p->pending = '\0';
	}
	if (!strcmp(r->kind, "panic") && strstr(text, "NMI: Not continuing")) {
		p->cur.hang = true;
		p->cur.kind = "hang";
		p->con->nmi = true;
	} else if (r->where == HMMT_WHERE_NONE) {
		close_splat(p);
	}
}

/* A line of the report that is open: who is it about? */
static void feed_splat(struct parser *p, const char *text)
{
	const char *s;
	char name[128], *to;
	bool guess = false, first;

	if (++p->open_lines > OPEN_LINES || !strncmp(text, "---[ end trace", 14)) {
		close_splat(p);
		return;
	}
	s = strstr(text, ", at: ");
	if (s)
		keep(p->at, sizeof(p->at), s + 6);
	if (!strncmp(text, "[<", 2)) {
		s = strstr(text, "] ");
		if (s)
			keep(p->at, sizeof(p->at), s + 2);
		return;
	}
	if (!strncmp(text, "RIP: 0033:", 10) && !p->rip_seen) {
		/* User space ran: the kernel's stack says nothing. */
		p->rip_seen = p->idle = true;
		return;
	}
	if (!strncmp(text, "RIP: 0010:", 10)) {
		if (!p->rip_seen && hmmt_title_symbol(text + 10, name, sizeof(name)))
			p->idle = hmmt_title_is_idle(name);
		if (!p->rip_seen && p->rule->where == HMMT_WHERE_RIP)
			p->cur.driver = strstr(text, OUR_MODULE);
		p->rip_seen = true;
		keep(p->rip, sizeof(p->rip), text + 10);
		return;
	}
	if (!strncmp(text, "page dumped because: ", 21)) {
		if (!strcmp(p->rule->kind, "bad-page") && !*p->what) {
			strcpy(p->what, ": ");
			hmmt_title_normalise(text + 21, p->what + 2, sizeof(p->what) - 2);
		}
		return;
	}
	if (!*p->access && !strcmp(p->rule->kind, "KASAN")) {
		if (!strncmp(text, "Read of size ", 13) || !strncmp(text, "Read at addr", 12))
			strcpy(p->access, " Read");
		else if (!strncmp(text, "Write of size ", 14) ||
			 !strncmp(text, "Write at addr", 13))
			strcpy(p->access, " Write");
	}
	if (*text != ' ')
		return;
	for (s = text; *s == ' '; s++)
		;
	/* What comes behind the stack, such as another dump of a page, is another report's */
	if (p->rule->where == HMMT_WHERE_STACK && *p->sure && !strcmp(s, "</TASK>")) {
		close_splat(p);
		return;
	}
	if (!strncmp(s, "? ", 2)) {
		guess = true;
		s += 2;
	}
	/* Frames only: a blank, a symbol, an offset. */
	if (strstr(s, "+0x") && hmmt_title_symbol(s, name, sizeof(name)) &&
	    (s[strcspn(s, " +")] == '+')) {
		if (!strcmp(p->rule->kind, "device-free") && hmmt_title_is_freeing(name))
			return;
		if (!*p->sure && !*p->guess && !*p->rip && hmmt_title_is_idle(name))
			p->idle = true;
		to = guess ? p->guess : p->sure;
		first = !*to;
		keep(to, sizeof(p->sure), name);
		if (first && *to && !guess && p->rule->where == HMMT_WHERE_STACK)
			p->cur.driver = strstr(text, OUR_MODULE);
	}
}

static void count_events(struct hmmt_console *con, const char *text)
{
	if (!strncmp(text, "Run /init as init process", 25))
		con->init_reached = true;
	else if (!strncmp(text, "Out of memory: Killed process", 29))
		con->oom_kills++;
	else if (!strncmp(text, "Memory cgroup out of memory: Killed process", 43))
		con->memcg_oom_kills++;
	else if (strstr(text, ": page allocation failure: order:"))
		con->alloc_failures++;
	else if (strstr(text, "NMI received for unknown reason"))
		con->nmi = true;
}

static void look_for_message(struct parser *p, const char *text, unsigned long line)
{
	char buf[HMMT_TITLE_MAX];
	size_t i;

	if (!strncmp(text, "page dumped because: ", 21)) {
		if (hmmt_splat_filtered(text)) {
			p->con->filtered++;
			return;
		}
		drop_pending(p);
		hmmt_title_normalise(text + 21, p->pending, sizeof(p->pending));
		p->pending_dump = true;
		p->pending_age = 0;
		p->pending_line = line;
		return;
	}
	for (i = 0; i < HMMT_NELEM(messages); i++) {
		if (strncmp(text, messages[i].start, strlen(messages[i].start)))
			continue;
		hmmt_title_normalise(messages[i].title ? messages[i].title : text, buf,
				     sizeof(buf));
		for (i = strlen(buf); i && (buf[i - 1] == '.' || buf[i - 1] == ' '); i--)
			buf[i - 1] = '\0';
		hmmt_copy(p->pending, sizeof(p->pending), buf);
		p->pending_dump = false;
		p->pending_age = 0;
		p->pending_line = line;
		return;
	}
}

/* What an oracle says beside its record, which a crash takes away. */
static void shout(struct parser *p, const char *text)
{
	struct hmmt_console *con = p->con;

	if (con->nr_fails == HMMT_NELEM(con->fail))
		return;
	hmmt_copy(con->fail[con->nr_fails].text, sizeof(con->fail[0].text), text);
	con->fail[con->nr_fails++].time_us = p->now_us;
}

/* Whoever has a page is told that it fails; if a test asked for that, it is as it should be */
static bool injected_failure(struct parser *p, const char *text)
{
	unsigned long pfn = 0;
	int end = 0;
	size_t i;

	if (sscanf(text, "Injecting memory failure for pfn %lx at process", &pfn) == 1) {
		p->injected[p->nr_injected++ % INJECTED] = pfn;
		return false;
	}
	sscanf(text, "Memory failure: %lx: Sending SIGBUS%n", &pfn, &end);
	for (i = 0; end && i < INJECTED && i < p->nr_injected; i++)
		if (p->injected[i] == pfn)
			return true;
	return false;
}

/* hmm-validate names a row when it begins; the last one ends with the step of init. */
#define ROW_MARK	"hmm-validate: "
#define STEP_MARK	"hmmtorture: step "

static void kernel_text(struct parser *p, const char *text, unsigned long line)
{
	static const char * const shouts[] = { "test_hmm: FAIL ", "hmm-validate: FAIL " };
	const struct hmmt_splat_rule *r = hmmt_splat_find(text);
	size_t i, len;

	p->con->kernel_lines++;
	count_events(p->con, text);
	for (i = 0; i < HMMT_NELEM(shouts); i++) {
		len = strlen(shouts[i]);
		if (!strncmp(text, shouts[i], len)) {
			shout(p, text + len);
			return;
		}
	}
	if (!strncmp(text, ROW_MARK, strlen(ROW_MARK))) {
		hmmt_copy(p->row, sizeof(p->row), text + strlen(ROW_MARK));
		return;
	}
	if (!strncmp(text, STEP_MARK, strlen(STEP_MARK)))
		*p->row = '\0';
	if (injected_failure(p, text) || (r && hmmt_splat_filtered(text))) {
		p->con->filtered++;
		r = NULL;
	}
	/* "Oops:" behind "BUG:" and "kernel BUG" is the same report. */
	if (r && p->rule && p->rule->fatal && r->fatal && !p->cur.hang &&
	    !strncmp(text, "Oops: ", 6))
		r = NULL;
	/* Two CPUs at the same place at once: where that is comes once for both. */
	if (r && r == p->rule && r->where == HMMT_WHERE_RIP && !p->rip_seen) {
		p->open_lines = 0;
		return;
	}
	if (r) {
		open_splat(p, r, text, line);
		return;
	}
	if (p->rule) {
		feed_splat(p, text);
		/* the driver gives no reason: it is that of somebody else */
		if (p->rule && p->rule->where != HMMT_WHERE_NONE &&
		    strcmp(p->rule->kind, "device-free") &&
		    !strncmp(text, "page dumped because: ", 21))
			return;
	}
	if (*p->pending && ++p->pending_age > PENDING_LINES)
		drop_pending(p);
	look_for_message(p, text, line);
}

static void user_text(struct parser *p, const char *text)
{
	text = strstr(text, "torture: FAIL ");
	if (text)
		shout(p, text + 14);
}

/* Splits one line of the port into what the kernel said in it. */
static void port_line(struct parser *p, char *line, unsigned long nr)
{
	const char *text = NULL, *end;
	char *s = line;
	int64_t us;

	/* An early console prints the level in front: "<4>[ 0.0] " */
	if (s[0] == '<' && isdigit((unsigned char)s[1]) && s[2] == '>')
		s += 3;
	if (stamp(s, &end, &us)) {
		p->now_us = us;
		text = end;
		s = (char *)end;
	}
	/* Stamps further on, if their time fits: half a line, then a new one. */
	while ((s = strchr(s, '['))) {
		if (!stamp(s, &end, &us) || us + 1000000 < p->now_us) {
			s++;
			continue;
		}
		*s = '\0';
		if (text)
			kernel_text(p, text, nr);
		else
			user_text(p, line);
		p->now_us = us;
		text = end;
		s = (char *)end;
	}
	if (text)
		kernel_text(p, text, nr);
	else
		user_text(p, line);
}

int hmmt_console_read(const char *path, struct hmmt_console *con)
{
	struct hmmt_lines *l = malloc(sizeof(*l));
	struct parser *p = calloc(1, sizeof(*p));
	char *line;
	int err = -ENOMEM;

	memset(con, 0, sizeof(*con));
	if (!l || !p)
		goto free;
	err = hmmt_lines_open(l, path, HMMT_LINE_MAX);
	if (err)
		goto free;
	con->present = true;
	p->con = con;
	while ((line = hmmt_lines_next(l))) {
		if (*line)
			hmmt_copy(con->last_line, sizeof(con->last_line), line);
		port_line(p, line, l->nr);
	}
	close_splat(p);
	drop_pending(p);
	con->lines = l->nr;
	con->bytes = l->bytes;
	hmmt_lines_close(l);
free:
	free(p);
	free(l);
	return err;
}
