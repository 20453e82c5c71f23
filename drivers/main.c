// SPDX-License-Identifier: GPL-2.0
/*
 * Extended test_hmm: an emulated device with PMD-sized chunks of
 * device-private memory, to test hmm_range_fault() and migrate_vma_*().
 *
 * This file: module parameters, devices and open files.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dmirror.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define DMIRROR_MAX_DEVICES	8
#define DMIRROR_MAX_COHERENT	2

static unsigned int devices = 2;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "Number of devices, 1 to 8 (default 2)");

static unsigned int chunks = 64;
module_param(chunks, uint, 0444);
MODULE_PARM_DESC(chunks, "PMD-sized chunks of memory of each device (default 64)");

static unsigned int chunks_per_pagemap = 4;
module_param(chunks_per_pagemap, uint, 0444);
MODULE_PARM_DESC(chunks_per_pagemap, "Chunks in one dev_pagemap (default 4)");

static unsigned int perturb;
module_param(perturb, uint, 0444);
MODULE_PARM_DESC(perturb, "Up to this many PAUSE between the phases of a migration (default 0: off)");

static ulong perturb_seed = 1;
module_param(perturb_seed, ulong, 0444);
MODULE_PARM_DESC(perturb_seed, "Seed of the perturbation (default 1)");

/* A word costs little, a cache line is more likely to be hit */
unsigned int dmirror_poison = IS_ENABLED(CONFIG_DEBUG_VM) ? 64 : 8;
module_param_named(poison, dmirror_poison, uint, 0444);
MODULE_PARM_DESC(poison, "Poisoned bytes in each free page of device memory, 0 to 4096 (default 64 with DEBUG_VM, else 8)");

bool dmirror_keep_flags;
module_param_named(keep_flags, dmirror_keep_flags, bool, 0444);
MODULE_PARM_DESC(keep_flags, "Hand out pages with the flags that the kernel left on them (default no)");

bool dmirror_bust;
module_param_named(bust, dmirror_bust, bool, 0644);
MODULE_PARM_DESC(bust, "Let HMMT_CHECK break invariants, to test the tests (default no)");

static unsigned int dma_bits;
module_param(dma_bits, uint, 0444);
MODULE_PARM_DESC(dma_bits, "Bits of address that get through to memory, 1 to 64 (default 0: all)");

/* The names of the stock driver: what sets up its guests works for ours */
static unsigned long long spm_addr_dev0;
module_param(spm_addr_dev0, ullong, 0444);
MODULE_PARM_DESC(spm_addr_dev0, "Physical address of memory set aside for a device-coherent device");

static unsigned long long spm_addr_dev1;
module_param(spm_addr_dev1, ullong, 0444);
MODULE_PARM_DESC(spm_addr_dev1, "The same for a second one");

unsigned long long dmirror_api_addr;
module_param_named(api_addr, dmirror_api_addr, ullong, 0444);
MODULE_PARM_DESC(api_addr, "Physical address of 256 MiB set aside for HMMT_API");

static bool i_know_this_may_crash;
module_param(i_know_this_may_crash, bool, 0444);
MODULE_PARM_DESC(i_know_this_may_crash, "Load outside a guest made by run.sh");

static dev_t dmirror_devt;
static struct class *dmirror_class;
static struct dmirror_device *dmirror_devices[DMIRROR_MAX_DEVICES + DMIRROR_MAX_COHERENT];
static unsigned int dmirror_nr_devices;
static struct dentry *dmirror_debugfs;

/* NULL: no such device. They come and go with the module only. */
struct dmirror_device *dmirror_device_get(unsigned int id)
{
	return id < dmirror_nr_devices ? dmirror_devices[id] : NULL;
}

/* debugfs: name and value of what HMMT_STATS gives */
static int dmirror_stats_show(struct seq_file *m, void *unused)
{
	static const char * const names[] = { HMMT_COUNTERS(HMMT_COUNTER_NAME) };
	struct dmirror_device *mdevice = m->private;
	struct hmmt_stats stats = {};
	unsigned int i;

	dmirror_devmem_state(mdevice, &stats);
	seq_printf(m, "pages_capacity %llu\npages_used %llu\nchunks_whole %llu\nchunks_carved %llu\nmirrors %u\n",
		   stats.pages_capacity, stats.pages_used, stats.chunks_whole,
		   stats.chunks_carved, READ_ONCE(mdevice->nr_mirrors));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		seq_printf(m, "%s %lld\n", names[i],
			   (long long)atomic64_read(&mdevice->count[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dmirror_stats);

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
	dmirror_control_add(dmirror);
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

	dmirror_control_del(dmirror);
	dmirror_mirror_exit(dmirror);
	kfree(dmirror);
	return 0;
}

static const struct file_operations dmirror_fops = {
	.owner		= THIS_MODULE,
	.open		= dmirror_open,
	.release	= dmirror_release,
	.mmap		= dmirror_mmap,
	.unlocked_ioctl	= dmirror_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
#ifdef CONFIG_IO_URING
	.uring_cmd	= dmirror_uring_cmd,
#endif
	.llseek		= noop_llseek,
};

static void dmirror_device_release(struct device *dev)
{
	kfree(container_of(dev, struct dmirror_device, dev));
}

static struct dmirror_device *dmirror_device_create(unsigned int id, u64 coherent_addr)
{
	struct dmirror_device *mdevice;
	int ret;

	mdevice = kzalloc_obj(*mdevice);
	if (!mdevice)
		return ERR_PTR(-ENOMEM);

	mdevice->id = id;
	mdevice->perturb_max = perturb;
	atomic64_set(&mdevice->perturb_state, perturb_seed + id);
	spin_lock_init(&mdevice->mirror_lock);
	INIT_LIST_HEAD(&mdevice->mirrors);
	device_initialize(&mdevice->dev);
	mdevice->dev.class = dmirror_class;
	mdevice->dev.devt = MKDEV(MAJOR(dmirror_devt), id);
	mdevice->dev.release = dmirror_device_release;
	cdev_init(&mdevice->cdev, &dmirror_fops);
	mdevice->cdev.owner = THIS_MODULE;

	dmirror_dma_init(mdevice, dma_bits);
	ret = dev_set_name(&mdevice->dev, "hmm_dmirror%u", id);
	if (ret)
		goto err_put;
	ret = dmirror_devmem_init(mdevice, chunks, chunks_per_pagemap,
				  coherent_addr);
	if (ret)
		goto err_put;
	ret = cdev_device_add(&mdevice->cdev, &mdevice->dev);
	if (ret)
		goto err_devmem;
	mdevice->debugfs = debugfs_create_dir(dev_name(&mdevice->dev),
					      dmirror_debugfs);
	debugfs_create_file("stats", 0444, mdevice->debugfs, mdevice,
			    &dmirror_stats_fops);
	return mdevice;

err_devmem:
	dmirror_devmem_exit(mdevice);
err_put:
	put_device(&mdevice->dev);
	return ERR_PTR(ret);
}

static void dmirror_device_destroy(struct dmirror_device *mdevice)
{
	debugfs_remove(mdevice->debugfs);
	cdev_device_del(&mdevice->cdev, &mdevice->dev);
	dmirror_devmem_exit(mdevice);
	put_device(&mdevice->dev);
}

static int __init dmirror_read_cmdline(char *buf, size_t size)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t n;

	file = filp_open("/proc/cmdline", O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	n = kernel_read(file, buf, size - 1, &pos);
	filp_close(file, NULL);
	if (n < 0)
		return n;
	buf[n] = 0;
	return 0;
}

/*
 * run.sh puts hmmtorture.guest=1 on the command line of the guests that it makes:
 * 0, EPERM, or why it cannot be told
 */
static int __init dmirror_in_guest(void)
{
	char buf[512] = "";
	int ret;

	ret = dmirror_read_cmdline(buf, sizeof(buf));
	if (ret || i_know_this_may_crash || strstr(buf, "hmmtorture.guest=1"))
		return ret;
	pr_err("made to provoke kernel bugs, so only for guests made by run.sh; to load it here all the same set i_know_this_may_crash=1\n");
	return -EPERM;
}

static bool __init dmirror_params_ok(void)
{
	if (!devices || devices > DMIRROR_MAX_DEVICES || !chunks ||
	    !chunks_per_pagemap) {
		pr_err("devices must be 1 to %d, chunks and chunks_per_pagemap not 0\n",
		       DMIRROR_MAX_DEVICES);
		return false;
	}
	if (!IS_ALIGNED(spm_addr_dev0 | spm_addr_dev1, HPAGE_PMD_SIZE)) {
		pr_err("spm_addr_dev0 and spm_addr_dev1 must be multiples of %lu\n",
		       HPAGE_PMD_SIZE);
		return false;
	}
	if (dma_bits > 64) {
		pr_err("dma_bits must be 0 to 64\n");
		return false;
	}
	if (dmirror_poison > PAGE_SIZE || !IS_ALIGNED(dmirror_poison, sizeof(u64))) {
		pr_err("poison must be a multiple of 8, 4096 at most\n");
		return false;
	}
	return true;
}

static int __init dmirror_device_add(u64 coherent_addr)
{
	unsigned int id = dmirror_nr_devices;
	struct dmirror_device *mdevice;

	mdevice = dmirror_device_create(id, coherent_addr);
	if (IS_ERR(mdevice)) {
		pr_err("device %u: error %ld\n", id, PTR_ERR(mdevice));
		return PTR_ERR(mdevice);
	}
	dmirror_devices[dmirror_nr_devices++] = mdevice;
	return 0;
}

static void dmirror_devices_destroy(void)
{
	while (dmirror_nr_devices)
		dmirror_device_destroy(dmirror_devices[--dmirror_nr_devices]);
}

static int __init dmirror_init(void)
{
	unsigned int i;
	int ret;

	if (!dmirror_params_ok())
		return -EINVAL;
	ret = dmirror_in_guest();
	if (ret)
		return ret;
	ret = dmirror_mmap_init();
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&dmirror_devt, 0, ARRAY_SIZE(dmirror_devices),
				  "hmm_dmirror");
	if (ret)
		goto err_mmap;
	dmirror_class = class_create("hmm_dmirror");
	if (IS_ERR(dmirror_class)) {
		ret = PTR_ERR(dmirror_class);
		goto err_chrdev;
	}
	dmirror_debugfs = debugfs_create_dir("hmm_dmirror", NULL);
	dmirror_fault_attr_init(dmirror_debugfs);

	for (i = 0; !ret && i < devices; i++)
		ret = dmirror_device_add(0);
	if (!ret && spm_addr_dev0)
		ret = dmirror_device_add(spm_addr_dev0);
	if (!ret && spm_addr_dev1)
		ret = dmirror_device_add(spm_addr_dev1);
	if (ret)
		goto err_devices;
	pr_info("%u devices of %u chunks, %s\n", dmirror_nr_devices, chunks,
		dmirror_can_compound() ? "whole THPs" :
		"base pages only: this kernel has no compound migration");
	return 0;

err_devices:
	dmirror_devices_destroy();
	debugfs_remove(dmirror_debugfs);
	class_destroy(dmirror_class);
err_chrdev:
	unregister_chrdev_region(dmirror_devt, ARRAY_SIZE(dmirror_devices));
err_mmap:
	dmirror_mmap_exit();
	return ret;
}

static void __exit dmirror_exit(void)
{
	dmirror_calls_exit();
	dmirror_devices_destroy();
	debugfs_remove(dmirror_debugfs);
	class_destroy(dmirror_class);
	unregister_chrdev_region(dmirror_devt, ARRAY_SIZE(dmirror_devices));
	dmirror_mmap_exit();
}

module_init(dmirror_init);
module_exit(dmirror_exit);
MODULE_DESCRIPTION("Extended test_hmm: device-private THP migration on an emulated device");
MODULE_LICENSE("GPL");
