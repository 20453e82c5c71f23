// SPDX-License-Identifier: GPL-2.0
/*
 * What can be said of a source file by looking at it: which function a line is of,
 * which lines match, which are assertions. Kernel style is relied on, not C.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"

static bool matches(const regex_t *re, const char *text)
{
	return !regexec(re, text, 0, NULL, 0);
}

static bool opens_block(const char *text)
{
	size_t len = strlen(text);

	return len && text[len - 1] == '{';
}

/*
 * From line @n to the end of the statement that it is in, with the block that this
 * opens if @block, or all the block whose first line it is. A brace at the beginning closes
 * what was before.
 */
static unsigned int statement_end(const struct source_file *f, unsigned int n, bool block)
{
	unsigned int depth = block && n > 1 && opens_block(f->line[n - 1].text);
	const char *s = f->line[n].text;

	for (s += strspn(s, "\t }"); n < f->nr_lines; s = f->line[++n].text) {
		for (; *s; s++) {
			if (*s == '{') {
				if (!block)
					return n;
				depth++;
			} else if (*s == '}' && depth && !--depth) {
				/* what follows "else" is another matter */
				return strstr(s, "else") ? n - 1 : n;
			} else if (*s == ';' && !depth) {
				return n;
			}
		}
	}
	return n;
}

/* The identifier before the first bracket of @text */
static char *name_before_bracket(const char *text)
{
	const char *end = strchr(text, '('), *s;

	if (!end)
		return NULL;
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	for (s = end; s > text && (isalnum((unsigned char)s[-1]) || s[-1] == '_');)
		s--;
	return s < end ? strndup(s, end - s) : NULL;
}

/* A function's head begins in the first column, its body with a brace there. */
static void find_functions(struct source_file *f)
{
	const char *function = "";
	unsigned int n, head = 0;
	char *name = NULL;

	for (n = 1; n <= f->nr_lines; n++) {
		const char *text = f->line[n].text;

		if (*text == '{' && name) {
			function = name;
			name = NULL;
			while (head < n)
				f->line[head++].function = function;
		} else if (isalpha((unsigned char)*text) || *text == '_') {
			char *found = name_before_bracket(text);

			if (found) {
				free(name);
				name = found;
				head = n;
			}
		}
		f->line[n].function = function;
		if (*text == '}')
			function = "";
		if (!*function && strchr(text, ';')) {
			free(name);
			name = NULL;
		}
	}
	free(name);
}

static void mark(const struct coverage *cov, struct source_file *f)
{
	unsigned int n, i, end;

	for (n = 1; n <= f->nr_lines; n++) {
		const char *text = f->line[n].text;

		if (cov->have_assertion && matches(&cov->assertion, text)) {
			end = statement_end(f, n, false);
			for (i = n; i <= end; i++)
				f->line[i].ignored = true;
		} else if (cov->have_match && matches(&cov->match, text)) {
			end = statement_end(f, n, true);
			for (i = n; i <= end; i++)
				f->line[i].matched = true;
		}
	}
}

int source_read(const struct coverage *cov, struct source_file *f, const char *ksrc)
{
	char path[4096], *text = NULL;
	size_t size = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", ksrc, f->name);
	in = fopen(path, "re");
	if (!in) {
		fprintf(stderr, "hmmt-coverage: %s: %s\n", path, strerror(errno));
		return 1;
	}
	f->line = calloc(MAX_LINES, sizeof(f->line[0]));
	while (f->line && f->nr_lines + 1 < MAX_LINES && getline(&text, &size, in) > 0) {
		text[strcspn(text, "\n")] = 0;
		f->line[++f->nr_lines].text = strdup(text);
	}
	free(text);
	fclose(in);
	if (!f->line)
		return 1;
	find_functions(f);
	mark(cov, f);
	return 0;
}
