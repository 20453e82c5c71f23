// SPDX-License-Identifier: GPL-2.0
/* run.json, which the boot runner wrote, and what the guest counted last. */
#include <errno.h>
#include <string.h>

#include "judge.h"

int hmmt_runinfo_read(const char *dir, struct hmmt_runinfo *info)
{
	char path[4096];
	int err;

	memset(info, 0, sizeof(*info));
	err = hmmt_path(path, sizeof(path), "%s/run.json", dir);
	if (!err)
		info->json = json_load_file(path, 0, NULL);
	info->present = json_is_object(info->json);
	if (!info->present) {
		json_decref(info->json);
		info->json = json_object();
	}
	info->engine = hmmt_json_str(info->json, "engine", "unknown");
	info->accel = hmmt_json_str(info->json, "accel", "unknown");
	info->kernel = hmmt_json_str(info->json, "kernel_release", "unknown");
	info->flavour = hmmt_json_str(info->json, "flavour", "unknown");
	info->expect = hmmt_json_str(info->json, "expect", "torture");
	info->end = hmmt_json_str(info->json, "end", "");
	info->seed = hmmt_json_int(info->json, "seed", -1);
	info->wall_ms = hmmt_json_int(info->json, "wall_ms", 0);
	info->config_verified = json_is_true(json_object_get(info->json, "config_verified"));
	if (err)
		return err;
	if (!hmmt_path(path, sizeof(path), "%s/journal.bin", dir))
		hmmt_journal_counters(path, &info->live);
	return info->present ? 0 : -EBADMSG;
}

void hmmt_runinfo_free(struct hmmt_runinfo *info)
{
	json_decref(info->json);
	info->json = NULL;
}
