// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring commands: the rows of the command table that say so.
 *
 * They run in the workers of io_uring, which are threads of the process: what
 * a command waits for in user memory, behind userfaultfd say, ends with it. A
 * kernel thread that borrows the address space would wait for ever, and the
 * end of the process for the command.
 */
#include <linux/io_uring/cmd.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "dmirror.h"

int dmirror_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	bool **pdu = io_uring_cmd_to_pdu(cmd, bool *);
	struct dmirror_call call = { .dmirror = cmd->file->private_data };
	const struct dmirror_command *command;
	const struct hmmt_uring *sqe;
	union dmirror_arg arg = {};
	bool cancelled = false;
	void __user *user;
	size_t usize;
	int ret;

	if (issue_flags & IO_URING_F_CANCEL) {
		/* it is looked at between two steps */
		WRITE_ONCE(**pdu, true);
		return 0;
	}

	command = dmirror_command_find(cmd->cmd_op);
	if (!command || !command->uring)
		return -ENOTTY;
	sqe = dmirror_sqe_cmd(cmd->sqe, struct hmmt_uring);
	if (READ_ONCE(sqe->reserved))
		return -EINVAL;
	if (!current->mm || current->mm != call.dmirror->notifier.mm)
		return -EPERM;
	/* not here, where it would hold up who submits it: in a worker */
	if (issue_flags & IO_URING_F_NONBLOCK)
		return -EAGAIN;

	user = u64_to_user_ptr(READ_ONCE(sqe->arg));
	usize = _IOC_SIZE(cmd->cmd_op);
	ret = dmirror_command_read(command, &arg, user, usize);
	if (ret)
		return ret;
	call.cancelled = &cancelled;
	*pdu = &cancelled;
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	ret = dmirror_command_run(command, &call, &arg, user, usize);
	dmirror_count(call.dmirror->mdevice, uring_cmds);
	if (ret == -ECANCELED)
		dmirror_count(call.dmirror->mdevice, uring_cancelled);
	/* from here on nobody cancels it: @cancelled may go */
	dmirror_uring_done(cmd, ret, issue_flags);
	return -EIOCBQUEUED;
}
