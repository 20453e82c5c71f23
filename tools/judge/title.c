// SPDX-License-Identifier: GPL-2.0
/*
 * Titles are compared between runs, kernels and machines, so all that varies
 * is taken out: addresses, offsets, pids, and what compilers append to names.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "judge.h"

/*
 * Shell patterns of functions that are in the stack because something else
 * went wrong: the title names the first function that is not one of them.
 */
static const char * const plumbing[] = {
	/* reporting */
	"dump_stack*", "show_*", "print_*", "__warn*", "warn_slowpath*", "panic",
	"vpanic", "*nmi_panic*", "report_bug*", "*handle_bug*", "bad_page",
	"bad_page_map", "*_schedule_bug", "oops_*", "die", "die_*", "__die*",
	"page_fault_oops", "bad_area*", "__bad_area*", "kernelmode_fixup*",
	"lockdep_*", "debug_*", "sched_show_task", "nmi_cpu_backtrace*",
	"*trigger_*backtrace*", "rcu_dump_cpu_stacks*", "rcu_sched_clock_irq*",
	"print_other_cpu_stall", "check_cpu_stall*", "watchdog*", "__kthread_*",
	/* traps and interrupts */
	"exc_*", "asm_*", "sysvec_*", "__sysvec_*", "*do_user_addr_fault",
	"do_kern_addr_fault", "do_error_trap", "do_trap*", "do_invalid_op",
	"default_do_nmi", "do_nmi", "unknown_nmi_error", "end_repeat_nmi", "nmi_*",
	"irq_exit*", "__irq_exit*", "handle_softirqs", "__do_softirq",
	"do_softirq*", "irqentry_*", "syscall_*", "do_syscall_64",
	"entry_SYSCALL*", "ret_from_fork*", "x64_sys_call", "hrtimer_interrupt",
	"__hrtimer_*", "update_process_times", "tick_*", "error_entry*",
	"paranoid_entry*", "__run_hrtimer", "rcu_core*", "apic_timer_interrupt",
	"find_held_lock", "handle_exception*", "hmm_turn",
	/* sanitizers */
	"kasan_*", "__kasan*", "__asan*", "__hwasan*", "kcsan_*", "__kcsan*",
	"__tsan*", "check_region*", "__ubsan*", "ubsan_*", "kmsan_*", "__msan*",
	"check_memory_region*", "end_report*", "start_report*",
	/* consistency checks that say nothing about who broke what */
	"__list_*_valid*", "refcount_warn_saturate*", "refcount_*",
	"__refcount_*", "debug_object*", "slab_err*", "check_object*",
	"free_to_partial_list",
	"slab_bug*", "object_err*", "free_debug_processing*",
	"alloc_debug_processing*",
	"free_page_is_bad*", "__free_frozen_pages", "free_frozen_pages",
	"free_unref_*", "free_pages_prepare*", "__free_pages*", "dump_page*",
	"memcpy*", "__memcpy*", "memset*", "__memset*", "memmove*", "__memmove*",
	/* locks and waits */
	"__lock_acquire*", "lock_acquire*", "lock_release*", "__lock_release*",
	"check_prev*", "check_deadlock*", "check_noncircular*", "validate_chain*",
	"mark_lock*", "mark_usage*", "register_lock_class",
	"check_preemption_disabled", "_raw_*", "__raw_*", "do_raw_*", "spin_*",
	"queued_spin_*", "native_queued_*", "__pv_queued_*", "pv_queued_*", "rwlock_*",
	"queued_read_*", "queued_write_*", "kvm_wait*",
	"*mutex_lock*", "*mutex_unlock*", "__mutex_*", "down_*", "__down_*",
	"up_*", "__up_*", "rwsem_*", "percpu_down*", "percpu_up*",
	"__schedule", "schedule", "schedule_*", "__schedule_*", "io_schedule*", "__might_*",
	"preempt_schedule*", "*cond_resched*", "wait_for_*", "__wait_for_*",
	"do_wait_for_*", "wait_on_bit*", "out_of_line_wait*", "__wait_on_*",
	"folio_wait_bit*", "__folio_lock*", "prepare_to_wait*", "finish_wait",
	"delay_*", "__delay", "__const_udelay", "smp_call_function*",
	"on_each_cpu*", "csd_lock*", "__flush_work", "flush_work",
	"rcu_read_lock*", "rcu_lock_*", "hrtimer_nanosleep*",
};

/* In a report that a device page is freed too early: who frees it for the one that is meant */
static const char * const freeing[] = {
	"dmirror_freed_check", "devmem_free", "dmirror_folio_free", "dmirror_page_free",
	"free_zone_device_*", "__folio_put", "folios_put_refs", "free_folio_and_swap_cache",
	/* what an unmap has gathered: it is no longer known of which page table */
	"free_pages_and_swap_cache", "__tlb_batch_free_*", "tlb_*", "__tlb_*",
};

static const char * const idle[] = {
	"default_idle*", "pv_native_safe_halt", "native_safe_halt", "acpi_*idle*",
	"acpi_safe_halt", "cpuidle_*", "do_idle", "cpu_startup_entry",
	"arch_cpu_idle", "mwait_idle*", "intel_idle*", "start_secondary",
	"rest_init", "cpu_idle_poll*",
};

/* Suffixes that compilers add; from the first of them on the name is cut. */
static const char * const suffixes[] = {
	".isra.", ".constprop.", ".part.", ".cold", ".llvm.", ".lto_priv.", ".clone.",
};

static bool any_match(const char * const *pattern, size_t nr, const char *name)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!fnmatch(pattern[i], name, 0))
			return true;
	return false;
}

bool hmmt_title_is_plumbing(const char *name)
{
	return any_match(plumbing, HMMT_NELEM(plumbing), name);
}

bool hmmt_title_is_freeing(const char *name)
{
	return any_match(freeing, HMMT_NELEM(freeing), name);
}

bool hmmt_title_is_idle(const char *name)
{
	return any_match(idle, HMMT_NELEM(idle), name);
}

static void cut_suffix(char *name)
{
	size_t i;
	char *at;

	for (i = 0; i < HMMT_NELEM(suffixes); i++) {
		at = strstr(name, suffixes[i]);
		if (at && at != name)
			*at = '\0';
	}
}

bool hmmt_title_symbol(const char *text, char *name, size_t size)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	while ((isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.') &&
	       n + 1 < size) {
		name[n] = text[n];
		n++;
	}
	name[n] = '\0';
	while (n && name[n - 1] == '.')
		name[--n] = '\0';
	cut_suffix(name);
	return true;
}

/* A word of an address or a number; @len is its length. */
static bool varies(const char *word, size_t len)
{
	size_t i = 0, digits = 0;

	if (len > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		return true;
	if (len && (word[0] == '-' || word[0] == '#'))
		i = 1;
	for (; i < len; i++) {
		if (!isxdigit((unsigned char)word[i]))
			return false;
		digits += isdigit((unsigned char)word[i]) != 0;
	}
	/* "dead" and "add" are words, 42 and ffff888012345678 are not. */
	return digits == len - (word[0] == '-' || word[0] == '#') || (len >= 8 && digits);
}

void hmmt_title_normalise(const char *text, char *out, size_t size)
{
	char word[HMMT_LINE_MAX];
	size_t n = 0;

	while (*text && n + 1 < size) {
		size_t len = 0;
		unsigned char c = (unsigned char)*text;

		if (!(isalnum(c) || c == '_' || c == '.' ||
		      (c == '-' && isdigit((unsigned char)text[1]) &&
		       (!n || !isalnum((unsigned char)out[n - 1]))))) {
			if (c < ' ' || c == 0x7f)
				c = ' ';
			/* one blank between words, none in front */
			if (c != ' ' || (n && out[n - 1] != ' '))
				out[n++] = (char)c;
			text++;
			continue;
		}
		do {
			word[len++] = *text++;
		} while (len + 1 < sizeof(word) && (isalnum((unsigned char)*text) ||
						    *text == '_' || *text == '.'));
		word[len] = '\0';
		if (text[0] == '+' && text[1] == '0' && text[2] == 'x')
			text += strspn(text, "+/x0123456789abcdef");
		if (varies(word, len))
			strcpy(word, "N");
		else
			cut_suffix(word);
		len = strlen(word);
		if (n + len + 1 > size)
			len = size - n - 1;
		memmove(out + n, word, len);
		n += len;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}
