/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: what the device does, in the order it does it */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hmm_dmirror

#if !defined(_DMIRROR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DMIRROR_TRACE_H

#include <linux/tracepoint.h>

/* One step of a migration, after its end; counts in pages, THPs in folios */
TRACE_EVENT(dmirror_migrate,
	TP_PROTO(unsigned int device, const char *why, unsigned long addr,
		 unsigned long npages, unsigned long migrated,
		 unsigned long thp, unsigned long nomem),
	TP_ARGS(device, why, addr, npages, migrated, thp, nomem),
	TP_STRUCT__entry(
		__field(unsigned int, device)
		__string(why, why)
		__field(unsigned long, addr)
		__field(unsigned long, npages)
		__field(unsigned long, migrated)
		__field(unsigned long, thp)
		__field(unsigned long, nomem)
	),
	TP_fast_assign(
		__entry->device = device;
		__assign_str(why);
		__entry->addr = addr;
		__entry->npages = npages;
		__entry->migrated = migrated;
		__entry->thp = thp;
		__entry->nomem = nomem;
	),
	TP_printk("device=%u %s addr=%#lx npages=%lu migrated=%lu thp=%lu nomem=%lu",
		  __entry->device, __get_str(why), __entry->addr,
		  __entry->npages, __entry->migrated, __entry->thp,
		  __entry->nomem)
);

/* A device fault, after hmm_range_fault() */
TRACE_EVENT(dmirror_fault,
	TP_PROTO(unsigned int device, unsigned long start, unsigned long end,
		 bool write, int ret),
	TP_ARGS(device, start, end, write, ret),
	TP_STRUCT__entry(
		__field(unsigned int, device)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(bool, write)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->start = start;
		__entry->end = end;
		__entry->write = write;
		__entry->ret = ret;
	),
	TP_printk("device=%u %#lx-%#lx %s ret=%d", __entry->device,
		  __entry->start, __entry->end,
		  __entry->write ? "write" : "read", __entry->ret)
);

/* The MMU notifier took a range away */
TRACE_EVENT(dmirror_invalidate,
	TP_PROTO(unsigned int device, int event, unsigned long start,
		 unsigned long end),
	TP_ARGS(device, event, start, end),
	TP_STRUCT__entry(
		__field(unsigned int, device)
		__field(int, event)
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->event = event;
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("device=%u event=%d %#lx-%#lx", __entry->device,
		  __entry->event, __entry->start, __entry->end)
);

#endif /* _DMIRROR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
