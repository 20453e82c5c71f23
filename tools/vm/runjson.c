// SPDX-License-Identifier: GPL-2.0
/* run.json: what was run and how it ended; without "end" the run is lost. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmrun.h"

int hmmt_runjson_write(const char *dir, const json_t *obj)
{
	char tmp[4096], final[4096], *text;
	int fd, ret = 0;

	snprintf(tmp, sizeof(tmp), "%s/.run.json.new", dir);
	snprintf(final, sizeof(final), "%s/run.json", dir);
	text = json_dumps(obj, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	if (!text)
		return -ENOMEM;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		ret = -errno;
		goto free_text;
	}
	if (dprintf(fd, "%s\n", text) < 0 || fsync(fd))
		ret = -errno;
	close(fd);
	if (!ret && rename(tmp, final))
		ret = -errno;
free_text:
	if (ret)
		fprintf(stderr, "vmrun: %s: %s\n", final, strerror(-ret));
	free(text);
	return ret;
}

int hmmt_runjson_set(json_t *obj, char kind, const char *assignment)
{
	const char *eq = strchr(assignment, '=');
	char key[64], *end;
	json_t *value;

	if (!eq || eq == assignment || (size_t)(eq - assignment) >= sizeof(key))
		return -EINVAL;
	memcpy(key, assignment, eq - assignment);
	key[eq - assignment] = 0;
	eq++;
	switch (kind) {
	case 'i':
		errno = 0;
		value = json_integer(strtoll(eq, &end, 10));
		if (errno || !*eq || *end) {
			json_decref(value);
			return -EINVAL;
		}
		break;
	case 'b':
		value = json_boolean(!strcmp(eq, "true"));
		break;
	default:
		value = json_string(eq);
	}
	/* Also refuses text that is not UTF-8. */
	return value && !json_object_set_new(obj, key, value) ? 0 : -EINVAL;
}
