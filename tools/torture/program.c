// SPDX-License-Identifier: GPL-2.0
/* Programs as text, read and written. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/hmmt.h"
#include "model.h"
#include "program.h"

#define FIRST_LINE	"hmmtorture program 1"
#define NR_LINES_MAX	(1U << 20)

__attribute__((format(printf, 2, 3)))
static int bad(struct program_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->why, sizeof(err->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The next word of @s, NULL if there is none. */
static char *word(char **s)
{
	char *w;

	do {
		w = strsep(s, " \t");
	} while (w && !*w);
	return w;
}

static int number(struct program_error *err, const char *what, const char *w, uint64_t lo,
		  uint64_t hi, uint64_t *out)
{
	if (!w)
		return bad(err, "%s: a number is missing", what);
	if (hmmt_parse_u64(w, out) || *out < lo || *out > hi)
		return bad(err, "%s: '%s' is no number from %llu to %llu", what, w,
			   (unsigned long long)lo, (unsigned long long)hi);
	return 0;
}

static int text(struct program_error *err, const char *what, const char *w, char *out,
		size_t size)
{
	if (!w)
		return bad(err, "%s: a word is missing", what);
	if (strlen(w) >= size || w[strspn(w, "abcdefghijklmnopqrstuvwxyz0123456789_-,:")])
		return bad(err, "%s: '%.40s' is no word for it", what, w);
	strcpy(out, w);
	return 0;
}

static int one_of(struct program_error *err, const char *what, const char *w, const char *yes,
		  const char *no, bool *out)
{
	if (!w || (strcmp(w, yes) && strcmp(w, no)))
		return bad(err, "%s: '%s' is neither '%s' nor '%s'", what, w ? w : "", yes, no);
	*out = !strcmp(w, yes);
	return 0;
}

static int regions(struct program_error *err, const struct program_words *words,
		   struct program *p, char **s)
{
	unsigned int blocks = 0;
	struct program_region *r;
	char *w, *n;
	uint64_t x;
	int ret;

	while ((w = word(s))) {
		if (p->nr_regions == PROGRAM_REGIONS)
			return bad(err, "more than %d regions", PROGRAM_REGIONS);
		r = &p->region[p->nr_regions];
		n = strchr(w, ':');
		if (n)
			*n++ = '\0';
		ret = text(err, "regions", w, r->shape, sizeof(r->shape));
		if (!ret && words && !words->shape(w))
			ret = bad(err, "regions: unknown shape '%s'", w);
		if (!ret)
			ret = number(err, "regions", n, 1, MAX_BLOCKS, &x);
		if (ret)
			return ret;
		r->blocks = x;
		blocks += x;
		p->nr_regions++;
	}
	if (blocks < 2 || blocks > MAX_BLOCKS)
		return bad(err, "regions: %u blocks, there must be 2 to %d", blocks, MAX_BLOCKS);
	return 0;
}

/* 1: this was the last line of the head. */
static int head_line(struct program_error *err, const struct program_words *words,
		     struct program *p, const char *key, char *rest)
{
	uint64_t n = 0;
	int ret;

	if (!strcmp(key, "ops")) {
		if (!p->workers)
			return bad(err, "'ops' without 'workers' before it");
		if (!p->nr_regions)
			return bad(err, "'ops' without 'regions' before it");
		ret = 1;
	} else if (!strcmp(key, "seed")) {
		ret = number(err, key, word(&rest), 0, UINT64_MAX, &p->seed);
	} else if (!strcmp(key, "scenario")) {
		ret = text(err, key, word(&rest), p->scenario, sizeof(p->scenario));
	} else if (!strcmp(key, "round")) {
		ret = number(err, key, word(&rest), 0, UINT32_MAX, &n);
		p->round = n;
	} else if (!strcmp(key, "workers")) {
		ret = number(err, key, word(&rest), 1, MAX_WORKERS, &n);
		p->workers = n;
	} else if (!strcmp(key, "devices")) {
		ret = number(err, key, word(&rest), 0, 2, &n);
		p->devices = n;
	} else if (!strcmp(key, "pauses")) {
		ret = number(err, key, word(&rest), 0, UINT32_MAX, &n);
		p->pauses = n;
	} else if (!strcmp(key, "order")) {
		ret = one_of(err, key, word(&rest), "serial", "free", &p->serial);
	} else if (!strcmp(key, "without")) {
		ret = text(err, key, word(&rest), p->without, sizeof(p->without));
	} else if (!strcmp(key, "bust")) {
		ret = text(err, key, word(&rest), p->bust, sizeof(p->bust));
		if (!ret && words && !words->bust(p->bust))
			ret = bad(err, "bust: unknown mistake '%s'", p->bust);
	} else if (!strcmp(key, "regions")) {
		ret = regions(err, words, p, &rest);
	} else {
		ret = bad(err, "unknown word '%.40s' before 'ops'", key);
	}
	key = ret >= 0 ? word(&rest) : NULL;
	return key ? bad(err, "one word too many: '%.40s'", key) : ret;
}

static int choices(struct program_error *err, struct program_line *l, char *rest)
{
	unsigned int room = 0;
	uint64_t *new;
	char *w;
	int ret;

	while ((w = word(&rest))) {
		if (l->nr_choices == PROGRAM_CHOICES)
			return bad(err, "more than %d choices", PROGRAM_CHOICES);
		if (l->nr_choices == room) {
			room = room ? 2 * room : 8;
			new = realloc(l->choice, room * sizeof(*new));
			if (!new)
				return bad(err, "out of memory");
			l->choice = new;
		}
		l->choice[l->nr_choices] = HMMT_DRAW_ANY;
		if (strcmp(w, "-")) {
			ret = number(err, "choice", w, 0, UINT64_MAX, &l->choice[l->nr_choices]);
			if (ret)
				return ret;
		}
		l->nr_choices++;
	}
	return 0;
}

static int op_line(struct program_error *err, const struct program_words *words,
		   struct program *p, const char *key, char *rest)
{
	struct program_line *l, *new;
	uint64_t n;
	int ret;

	if (p->nr == NR_LINES_MAX)
		return bad(err, "more than %u ops", NR_LINES_MAX);
	if (!(p->nr & (p->nr - 1))) {
		new = realloc(p->line, (p->nr ? 2UL * p->nr : 1) * sizeof(*new));
		if (!new)
			return bad(err, "out of memory");
		p->line = new;
	}
	l = &p->line[p->nr];
	memset(l, 0, sizeof(*l));
	ret = number(err, "worker", key, 0, p->workers - 1, &n);
	if (ret)
		return ret;
	l->worker = n;
	p->nr++;
	ret = text(err, "op", word(&rest), l->op, sizeof(l->op));
	if (ret)
		return ret;
	l->number = words ? words->op(l->op) : -1;
	if (words && l->number < 0)
		return bad(err, "unknown op '%s'", l->op);
	ret = number(err, "seed of the op", word(&rest), 0, UINT32_MAX, &n);
	if (ret)
		return ret;
	l->seed = n;
	return choices(err, l, rest);
}

static int end_line(struct program_error *err, const struct program *p, char *rest)
{
	uint64_t n;
	int ret = number(err, "end", word(&rest), 0, NR_LINES_MAX, &n);

	if (ret)
		return ret;
	if (n != p->nr)
		return bad(err, "the end says %llu ops, there are %u", (unsigned long long)n,
			   p->nr);
	return 1;
}

/* What is in the text; the caller has set the defaults. */
static int body(FILE *f, unsigned long *line, const struct program_words *words,
		struct program *p, struct program_error *err)
{
	bool started = false, ops = false;
	char *buf = NULL, *s, *key;
	size_t room = 0;
	ssize_t len;
	int ret = 0;

	while (!ret) {
		len = getline(&buf, &room, f);
		if (len < 0)
			break;
		err->line = ++*line;
		if (strlen(buf) != (size_t)len) {
			ret = bad(err, "a zero byte");
			break;
		}
		if (buf[len - 1] != '\n') {
			ret = bad(err, "cut off: the last line has no end");
			break;
		}
		buf[len - 1] = '\0';
		s = buf;
		key = buf[0] == '#' ? NULL : buf;
		if (key && !started) {
			if (!*key)
				continue;
			if (strcmp(key, FIRST_LINE))
				ret = bad(err, "not a program: the first line must be '"
					  FIRST_LINE "'");
			started = true;
			continue;
		}
		key = key ? word(&s) : NULL;
		if (!key)
			continue;
		if (!ops) {
			ret = head_line(err, words, p, key, s);
			if (ret == 1) {
				ops = true;
				ret = 0;
			}
		} else if (!strcmp(key, "end")) {
			ret = end_line(err, p, s);
		} else {
			ret = op_line(err, words, p, key, s);
		}
	}
	free(buf);
	if (!ret && started) {
		err->line = *line;
		ret = bad(err, "cut off: no 'end' line");
	}
	return ret;
}

int program_read(FILE *f, unsigned long *line, const struct program_words *words,
		 struct program *p, struct program_error *err)
{
	*p = (struct program){
		.seed = 1,
		.scenario = "program",
		.devices = 2,
		.pauses = 1,
	};
	return body(f, line, words, p, err);
}

void program_free(struct program *p)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		free(p->line[i].choice);
	free(p->line);
	p->line = NULL;
	p->nr = 0;
}

int program_head(char *buf, size_t size, const struct program *p)
{
	char where[PROGRAM_REGIONS * 24] = "";
	unsigned int i;
	size_t n = 0;
	int len;

	for (i = 0; i < p->nr_regions; i++)
		n += snprintf(where + n, sizeof(where) - n, " %s:%u", p->region[i].shape,
			      p->region[i].blocks);
	len = snprintf(buf, size,
		       FIRST_LINE "\nseed %llu\nscenario %s\nround %u\nworkers %u\ndevices %u\npauses %u\norder %s\nregions%s\n%s%s%s%s%s%sops\n",
		       (unsigned long long)p->seed, p->scenario, p->round, p->workers,
		       p->devices, p->pauses, p->serial ? "serial" : "free",
		       where, p->without[0] ? "without " : "", p->without,
		       p->without[0] ? "\n" : "", p->bust[0] ? "bust " : "", p->bust,
		       p->bust[0] ? "\n" : "");
	return len < 0 || (size_t)len >= size ? -ENOSPC : 0;
}

void program_line_write(FILE *f, const struct program_line *l)
{
	unsigned int i;

	fprintf(f, l->seed ? "%u %s %#x" : "%u %s %u", l->worker, l->op, l->seed);
	for (i = 0; i < l->nr_choices; i++) {
		if (l->choice[i] == HMMT_DRAW_ANY)
			fputs(" -", f);
		else
			fprintf(f, " %llu", (unsigned long long)l->choice[i]);
	}
	fputc('\n', f);
}

void program_write(FILE *f, const struct program *p)
{
	char head[2048];
	unsigned int i;

	if (program_head(head, sizeof(head), p))
		return;
	fputs(head, f);
	for (i = 0; i < p->nr; i++)
		program_line_write(f, &p->line[i]);
	fprintf(f, "end %u\n", p->nr);
}
