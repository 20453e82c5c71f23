// SPDX-License-Identifier: GPL-2.0
/* See ring.h */
#include <string.h>

#include "ring.h"

void ring_prep(struct io_uring *ring, const struct hmmt_dev *dev, unsigned int cmd, void *arg,
	       uint64_t id)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct hmmt_uring u = { .arg = (uintptr_t)arg };

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, dev->fd, NULL, 0, 0);
	sqe->cmd_op = cmd;
	memcpy(sqe->cmd, &u, sizeof(u));
	sqe->user_data = id;
}

int ring_wait(struct io_uring *ring, unsigned int nr, int *res)
{
	struct io_uring_cqe *cqe;
	int ret;

	for (; nr; nr--) {
		ret = io_uring_wait_cqe(ring, &cqe);
		if (ret)
			return ret;
		res[cqe->user_data] = cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	return 0;
}
