// SPDX-License-Identifier: GPL-2.0
/* What a guest shares with its host: BAR 2 of QEMU's ivshmem-plain. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hmmt.h"

#define PCI_DIR	"/sys/bus/pci/devices"

static bool file_is(const char *dev, const char *name, const char *want)
{
	char path[320], buf[32];

	snprintf(path, sizeof(path), PCI_DIR "/%s/%s", dev, name);
	if (hmmt_read_file(path, buf, sizeof(buf)) < 0)
		return false;
	return !strncmp(buf, want, strlen(want));
}

static void *map_resource(const char *dev, const char *name, size_t size)
{
	void *p = MAP_FAILED;
	char path[320];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), PCI_DIR "/%s/%s", dev, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && (size_t)st.st_size == size)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

void *hmmt_map_bar(size_t size)
{
	struct dirent *de;
	void *p = NULL;
	DIR *dir;

	dir = opendir(PCI_DIR);
	while (dir && !p && (de = readdir(dir))) {
		if (!file_is(de->d_name, "vendor", "0x1af4") ||
		    !file_is(de->d_name, "device", "0x1110"))
			continue;
		p = map_resource(de->d_name, "resource2_wc", size);
		if (!p)
			p = map_resource(de->d_name, "resource2", size);
	}
	if (dir)
		closedir(dir);
	return p;
}
