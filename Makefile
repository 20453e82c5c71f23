# SPDX-License-Identifier: GPL-2.0
#
# make [O=DIR] host | guest | driver KDIR=DIR | check | clean
#
# What is built is said by the Build.mk files of the sub directories. Paths in
# them are relative to this directory. They append to these variables:
#
#   host-progs  += NAME		program for this machine	-> $(O)/host/NAME
#   host-tests  += NAME		unit test, built by host, run by check; run from
#				this directory, exit 0 pass, 1 fail, 4 skip
#   guest-progs += NAME		static program for the guest	-> $(O)/guest/NAME
#
# and say of each NAME:
#
#   NAME-srcs   := a.c b.c	its sources
#   NAME-cflags := -Isome/dir	more compiler flags (optional)
#   NAME-libs   := -ljansson	more linker flags (optional)
#
# lib/Build.mk comes first and sets libhmmt-srcs; a program that uses the
# library says NAME-srcs := ... $(libhmmt-srcs). The include path has this
# directory, lib/ and drivers/ (for test_hmm_uapi.h) in it. Objects are made
# anew for each program, so that flags of one never reach another.
#
# O KDIR LLVM CC V W mean what they mean in the kernel.

MAKEFLAGS += -rR --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

srctree := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
ifneq ($(CURDIR),$(srctree))
$(error run make in $(srctree), or with -C)
endif

comma := ,

O ?= build
override O := $(abspath $(O))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# -R leaves these undefined; "default" is make's own cc otherwise.
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(LLVM),clang,gcc)
endif
HOSTCC ?= $(if $(LLVM),clang,gcc)

# The map keeps the work tree's path out of the binaries: the same sources
# give the same initramfs wherever they are.
common-cflags := -std=gnu11 -O2 -g -Wall -Wextra -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition \
	-D_GNU_SOURCE -I. -Ilib -Idrivers -ffile-prefix-map=$(srctree)=. $(EXTRA_CFLAGS)
ifneq ($(W),)
common-cflags += -Werror
endif

host-cc := $(HOSTCC)
host-cflags := $(common-cflags)
host-ldflags := -pthread
guest-cc := $(CC)
guest-cflags := $(common-cflags) -pthread
guest-ldflags := -static -pthread -Wl,--build-id=none

host-progs :=
host-tests :=
guest-progs :=

-include lib/Build.mk
-include $(filter-out lib/Build.mk,$(sort $(wildcard */Build.mk tools/*/Build.mk selftests/*/Build.mk)))

.PHONY: all host guest driver check clean FORCE
all: host guest

# $(call program,host|guest,NAME)
define program
$(2)-objs := $$(patsubst %.c,$(O)/$(1)/obj/$(2)/%.o,$$($(2)-srcs))
$$($(2)-objs): $(O)/$(1)/obj/$(2)/%.o: %.c $(O)/$(1)/flags
	$$(say) '$(1)' '$$<'
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$($(1)-cc) $$($(1)-cflags) $$($(2)-cflags) -MMD -MP -c -o $$@ $$<
$(O)/$(1)/$(2): $$($(2)-objs)
	$$(say) '$(1) LD' '$(2)'
	$$(Q)$$($(1)-cc) $$($(1)-ldflags) -o $$@ $$^ $$($(2)-libs)
$(1): $(O)/$(1)/$(2)
-include $$($(2)-objs:.o=.d)
endef

# Rewritten only when it changes: another compiler or flag rebuilds all.
$(O)/host/flags $(O)/guest/flags: $(O)/%/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$($*-cc) $($*-cflags) $($*-ldflags)' \
		"$$($($*-cc) --version 2>&1 | head -n 1)" >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi

$(foreach p,$(host-progs) $(host-tests),$(eval $(call program,host,$(p))))
$(foreach p,$(guest-progs),$(eval $(call program,guest,$(p))))

# The sources are copied, so that nothing is ever written beside them. MAKEFLAGS
# would carry our O= into the kernel's build, where it means something else.
driver:
	$(if $(KDIR),,$(error driver needs KDIR=<kernel build directory>))
	$(Q)mkdir -p $(O)/driver
	$(Q)cd drivers && find . -type f | while read -r f; do \
		cmp -s "$$f" "$(O)/driver/$$f" || install -D -m 644 "$$f" "$(O)/driver/$$f"; done
	$(Q)for f in $(O)/driver/*.[ch]; do \
		[ -e drivers/$${f##*/} ] || case $$f in *.mod.c | */probed.h) ;; *) rm -f $$f ;; esac; done
	+$(Q)env -u MAKEFLAGS $(MAKE) -C $(KDIR) M=$(O)/driver $(if $(LLVM),LLVM=$(LLVM)) \
		$(if $(filter command%,$(origin CC)),CC=$(CC)) \
		$(if $(V),V=$(V)) $(if $(W),W=$(W)) modules

check: host
	@rc=0; for t in $(host-tests); do \
		printf '# %s\n' $$t; $(O)/host/$$t; r=$$?; \
		case $$r in 0 | 4) ;; *) echo "not ok $$t (exit $$r)"; rc=1 ;; esac; \
	done; exit $$rc

clean:
	$(Q)rm -rf $(O)/host $(O)/guest $(O)/driver
