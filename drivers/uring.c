// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring commands: the rows of the command table that say so, run by a
 * workqueue on the address space of the ring's owner.
 */
#include <linux/io_uring/cmd.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "dmirror.h"

/*
 * Freed by the worker, after io_uring_cmd_done() took the command off the list
 * of those that may be cancelled: so cancelling never meets a freed one.
 */
struct dmirror_request {
	struct work_struct	work;
	struct io_uring_cmd	*cmd;
	const struct dmirror_command *command;
	struct dmirror_call	call;
	struct mm_struct	*mm;
	void __user		*user;
	size_t			usize;
	bool			cancelled;
	union dmirror_arg	arg;
};

static struct workqueue_struct *dmirror_wq;

static void request_work(struct work_struct *work)
{
	struct dmirror_request *req =
		container_of(work, struct dmirror_request, work);
	struct dmirror_device *mdevice = req->call.dmirror->mdevice;
	struct mm_struct *mm = req->mm;
	int ret = -ESRCH;

	if (READ_ONCE(req->cancelled)) {
		ret = -ECANCELED;
	} else if (mmget_not_zero(mm)) {
		kthread_use_mm(mm);
		ret = dmirror_command_run(req->command, &req->call, &req->arg,
					  req->user, req->usize);
		kthread_unuse_mm(mm);
		mmput(mm);
	}
	mmdrop(mm);
	dmirror_count(mdevice, uring_cmds);
	if (ret == -ECANCELED)
		dmirror_count(mdevice, uring_cancelled);
	dmirror_uring_done(req->cmd, ret);
	kfree(req);
}

int dmirror_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct dmirror_request **pdu =
		io_uring_cmd_to_pdu(cmd, struct dmirror_request *);
	struct dmirror *dmirror = cmd->file->private_data;
	const struct dmirror_command *command;
	const struct hmmt_uring *sqe;
	struct dmirror_request *req;
	int ret;

	if (issue_flags & IO_URING_F_CANCEL) {
		/* what is under way looks at it between two steps */
		WRITE_ONCE((*pdu)->cancelled, true);
		return 0;
	}

	command = dmirror_command_find(cmd->cmd_op);
	if (!command || !command->uring)
		return -ENOTTY;
	sqe = dmirror_sqe_cmd(cmd->sqe, struct hmmt_uring);
	if (READ_ONCE(sqe->reserved))
		return -EINVAL;
	if (!current->mm || current->mm != dmirror->notifier.mm)
		return -EPERM;

	req = kzalloc_obj(*req);
	if (!req)
		return -ENOMEM;
	req->cmd = cmd;
	req->command = command;
	req->user = u64_to_user_ptr(READ_ONCE(sqe->arg));
	req->usize = _IOC_SIZE(cmd->cmd_op);
	req->call.dmirror = dmirror;
	req->call.cancelled = &req->cancelled;
	ret = dmirror_command_read(command, &req->arg, req->user, req->usize);
	if (ret) {
		kfree(req);
		return ret;
	}
	req->mm = current->mm;
	mmgrab(req->mm);
	*pdu = req;
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	INIT_WORK(&req->work, request_work);
	queue_work(dmirror_wq, &req->work);
	return -EIOCBQUEUED;
}

int dmirror_uring_init(void)
{
	dmirror_wq = alloc_workqueue("hmm_dmirror", WQ_UNBOUND, 0);
	return dmirror_wq ? 0 : -ENOMEM;
}

void dmirror_uring_exit(void)
{
	destroy_workqueue(dmirror_wq);
}
