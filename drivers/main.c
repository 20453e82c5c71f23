// SPDX-License-Identifier: GPL-2.0
/*
 * Extended test_hmm: an emulated device with PMD-sized chunks of
 * device-private memory, to test hmm_range_fault() and migrate_vma_*().
 *
 * This file: module parameters, devices and open files.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dmirror.h"

#define DMIRROR_MAX_DEVICES	8

static unsigned int devices = 2;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "Number of devices, 1 to 8 (default 2)");

static unsigned int chunks = 64;
module_param(chunks, uint, 0444);
MODULE_PARM_DESC(chunks, "PMD-sized chunks of memory of each device (default 64)");

static unsigned int chunks_per_pagemap = 64;
module_param(chunks_per_pagemap, uint, 0444);
MODULE_PARM_DESC(chunks_per_pagemap, "Chunks in one dev_pagemap (default 64)");

unsigned int dmirror_perturb_max;
module_param_named(perturb, dmirror_perturb_max, uint, 0644);
MODULE_PARM_DESC(perturb, "Up to this many PAUSE between the phases of a migration (default 0: off)");

static ulong perturb_seed = 1;
module_param(perturb_seed, ulong, 0444);
MODULE_PARM_DESC(perturb_seed, "Seed of the perturbation (default 1)");

static bool i_know_this_may_crash;
module_param(i_know_this_may_crash, bool, 0444);
MODULE_PARM_DESC(i_know_this_may_crash, "Load outside a guest made by run.sh");

static dev_t dmirror_devt;
static struct class *dmirror_class;
static struct dmirror_device *dmirror_devices[DMIRROR_MAX_DEVICES];

/*
 * Widen the windows between the phases of a migration. The length comes from
 * a seeded sequence: in the det engine, where PAUSE switches to the next CPU,
 * the seed makes the schedule.
 */
void dmirror_perturb(struct dmirror_device *mdevice)
{
	unsigned int max = READ_ONCE(dmirror_perturb_max);
	u64 x;

	if (!max)
		return;
	x = atomic64_add_return(0x9e3779b97f4a7c15ULL, &mdevice->perturb);
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	/* three times out of four no wait: fast paths are to be met as well */
	if (x & 3)
		return;
	for (x = (x >> 2) % max + 1; x; x--)
		cpu_relax();
}

static int dmirror_open(struct inode *inode, struct file *file)
{
	struct dmirror_device *mdevice =
		container_of(inode->i_cdev, struct dmirror_device, cdev);
	struct dmirror *dmirror;
	int ret;

	dmirror = kzalloc_obj(*dmirror);
	if (!dmirror)
		return -ENOMEM;

	dmirror->mdevice = mdevice;
	ret = dmirror_mirror_init(dmirror, current->mm);
	if (ret) {
		kfree(dmirror);
		return ret;
	}
	atomic_inc(&mdevice->mirrors);
	file->private_data = dmirror;
	return 0;
}

/*
 * Device memory in use by the process stays where it is: it belongs to the
 * mappings, and the CPU fault that brings it back needs no mirror.
 */
static int dmirror_release(struct inode *inode, struct file *file)
{
	struct dmirror *dmirror = file->private_data;

	dmirror_mirror_exit(dmirror);
	atomic_dec(&dmirror->mdevice->mirrors);
	kfree(dmirror);
	return 0;
}

/* A mapping of ordinary pages that are not anonymous, as the stock driver has */
static int dmirror_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long addr;
	int ret = 0;

	for (addr = vma->vm_start; !ret && addr < vma->vm_end; addr += PAGE_SIZE) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		ret = vm_insert_page(vma, addr, page);
		put_page(page);
	}
	return ret;
}

static const struct file_operations dmirror_fops = {
	.owner		= THIS_MODULE,
	.open		= dmirror_open,
	.release	= dmirror_release,
	.mmap		= dmirror_mmap,
	.unlocked_ioctl	= dmirror_ioctl,
	.llseek		= noop_llseek,
};

static void dmirror_device_release(struct device *dev)
{
	kfree(container_of(dev, struct dmirror_device, dev));
}

static struct dmirror_device *dmirror_device_create(unsigned int id)
{
	struct dmirror_device *mdevice;
	int ret;

	mdevice = kzalloc_obj(*mdevice);
	if (!mdevice)
		return ERR_PTR(-ENOMEM);

	atomic64_set(&mdevice->perturb, perturb_seed + id);
	device_initialize(&mdevice->dev);
	mdevice->dev.class = dmirror_class;
	mdevice->dev.devt = MKDEV(MAJOR(dmirror_devt), id);
	mdevice->dev.release = dmirror_device_release;
	cdev_init(&mdevice->cdev, &dmirror_fops);
	mdevice->cdev.owner = THIS_MODULE;

	ret = dev_set_name(&mdevice->dev, "hmm_dmirror%u", id);
	if (ret)
		goto err_put;
	ret = dmirror_devmem_init(mdevice, chunks, chunks_per_pagemap);
	if (ret)
		goto err_put;
	ret = cdev_device_add(&mdevice->cdev, &mdevice->dev);
	if (ret)
		goto err_devmem;
	return mdevice;

err_devmem:
	dmirror_devmem_exit(mdevice);
err_put:
	put_device(&mdevice->dev);
	return ERR_PTR(ret);
}

static void dmirror_device_destroy(struct dmirror_device *mdevice)
{
	cdev_device_del(&mdevice->cdev, &mdevice->dev);
	dmirror_devmem_exit(mdevice);
	put_device(&mdevice->dev);
}

/* run.sh puts hmmtorture.guest=1 on the command line of the guests it makes */
static bool __init dmirror_in_guest(void)
{
	char buf[512] = "";
	struct file *file;
	loff_t pos = 0;
	bool found = false;
	ssize_t n;

	file = filp_open("/proc/cmdline", O_RDONLY, 0);
	if (IS_ERR(file))
		return false;
	n = kernel_read(file, buf, sizeof(buf) - 1, &pos);
	if (n > 0)
		found = strstr(buf, "hmmtorture.guest=1");
	filp_close(file, NULL);
	return found;
}

static int __init dmirror_init(void)
{
	unsigned int id;
	int ret;

	if (!i_know_this_may_crash && !dmirror_in_guest()) {
		pr_err("made to provoke kernel bugs, so only for guests made by run.sh; to load it here all the same set i_know_this_may_crash=1\n");
		return -EPERM;
	}
	if (!devices || devices > DMIRROR_MAX_DEVICES || !chunks ||
	    !chunks_per_pagemap) {
		pr_err("devices must be 1 to %d, chunks and chunks_per_pagemap not 0\n",
		       DMIRROR_MAX_DEVICES);
		return -EINVAL;
	}

	ret = alloc_chrdev_region(&dmirror_devt, 0, DMIRROR_MAX_DEVICES,
				  "hmm_dmirror");
	if (ret)
		return ret;
	dmirror_class = class_create("hmm_dmirror");
	if (IS_ERR(dmirror_class)) {
		ret = PTR_ERR(dmirror_class);
		goto err_chrdev;
	}

	for (id = 0; id < devices; id++) {
		dmirror_devices[id] = dmirror_device_create(id);
		if (IS_ERR(dmirror_devices[id])) {
			ret = PTR_ERR(dmirror_devices[id]);
			pr_err("device %u: error %d\n", id, ret);
			goto err_devices;
		}
	}
	pr_info("%u devices of %u chunks, %s\n", devices, chunks,
		dmirror_can_compound() ? "whole THPs" :
		"base pages only: this kernel has no compound migration");
	return 0;

err_devices:
	while (id--)
		dmirror_device_destroy(dmirror_devices[id]);
	class_destroy(dmirror_class);
err_chrdev:
	unregister_chrdev_region(dmirror_devt, DMIRROR_MAX_DEVICES);
	return ret;
}

static void __exit dmirror_exit(void)
{
	unsigned int id;

	for (id = 0; id < devices; id++)
		dmirror_device_destroy(dmirror_devices[id]);
	class_destroy(dmirror_class);
	unregister_chrdev_region(dmirror_devt, DMIRROR_MAX_DEVICES);
}

module_init(dmirror_init);
module_exit(dmirror_exit);
MODULE_DESCRIPTION("Extended test_hmm: device-private THP migration on an emulated device");
MODULE_LICENSE("GPL");
