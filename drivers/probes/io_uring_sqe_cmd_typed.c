// SPDX-License-Identifier: GPL-2.0
#include <linux/io_uring/cmd.h>

const u64 *probe(const struct io_uring_sqe *sqe);
const u64 *probe(const struct io_uring_sqe *sqe)
{
	return io_uring_sqe_cmd(sqe, u64);
}
