# SPDX-License-Identifier: GPL-2.0
guest-progs += hmm-driver hmm-uapi hmm-findings hmm-fuzz hmm-bad-input hmm-validate
guest-progs += hmm-uring hmm-failnth hmm-ends hmm-module hmm-capacity hmm-perturb hmm-unplug
guest-progs += hmm-entries hmm-changes hmm-api
hmm-driver-srcs := selftests/hmm/driver.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-uapi-srcs := $(addprefix selftests/hmm/, uapi.c uapi_evict.c uapi_coherent.c area.c) $(libhmmt-srcs)
hmm-uring-srcs := selftests/hmm/uring.c selftests/hmm/ring.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-failnth-srcs := $(addprefix selftests/hmm/, failnth.c ring.c area.c faults.c module.c) $(libhmmt-srcs)
hmm-failnth-libs := -luring
hmm-ends-srcs := $(addprefix selftests/hmm/, ends.c ring.c area.c module.c) $(libhmmt-srcs)
hmm-ends-libs := -luring
hmm-module-srcs := $(addprefix selftests/hmm/, load.c area.c faults.c module.c) $(libhmmt-srcs)
hmm-capacity-srcs := $(addprefix selftests/hmm/, capacity.c area.c module.c) $(libhmmt-srcs)
hmm-unplug-srcs := $(addprefix selftests/hmm/, unplug.c area.c module.c) $(libhmmt-srcs)
hmm-uring-libs := -luring
hmm-perturb-srcs := selftests/hmm/perturb.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-entries-srcs := selftests/hmm/entries.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-changes-srcs := selftests/hmm/changes.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-api-srcs := $(addprefix selftests/hmm/, api.c area.c faults.c) $(libhmmt-srcs)
hmm-findings-srcs := $(addprefix selftests/hmm/, findings.c findings_hmm.c \
	findings_migrate.c findings_collect.c findings_fault.c findings_evict.c \
	findings_proc.c findings_bits.c findings_uffd.c findings_mlock.c) $(libhmmt-srcs)
hmm-fuzz-srcs := selftests/hmm/fuzz.c selftests/hmm/fuzz-worker.c selftests/hmm/fuzz-command.c \
	selftests/hmm/fuzz-mutate.c selftests/hmm/module.c $(libhmmt-srcs)
hmm-fuzz-libs := -luring
hmm-bad-input-srcs := selftests/hmm/bad-input.c selftests/hmm/area.c $(libhmmt-srcs)
hmm-validate-srcs := $(addprefix selftests/hmm/, validate.c validate_clean.c validate_collect.c \
	validate_split.c validate_fault.c validate_caught.c validate_held.c validate_device.c \
	validate_bits.c validate_vma.c validate_proc.c validate_tlb.c area.c) $(libhmmt-srcs)
hmm-validate-cflags := -Wno-unused-parameter
