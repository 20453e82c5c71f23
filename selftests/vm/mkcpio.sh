#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The initramfs depends on nothing but its content.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"

tools=$("$HMMT_TOP/tools/vm/tools.sh")
mkcpio=$tools/host/mkcpio
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

echo one >"$tmp/one"
printf 'dir /bin 0755\nfile /bin/one %s 0755\nnode /dev/console 0600 c 5 1\ndir /dev 0755\n' \
	"$tmp/one" >"$tmp/list"
"$mkcpio" <"$tmp/list" >"$tmp/a"
sleep 0.1
cp "$tmp/one" "$tmp/copy"
touch -d 2001-01-01 "$tmp/copy"
chmod 600 "$tmp/copy"
sed "s|$tmp/one|$tmp/copy|" "$tmp/list" | tac >"$tmp/list2"
(umask 077 && "$mkcpio" <"$tmp/list2" >"$tmp/b")
if cmp "$tmp/a" "$tmp/b" >&2; then
	ktap_pass "order, times, inodes and modes of the sources do not matter"
else
	ktap_fail "order, times, inodes and modes of the sources do not matter"
fi
ktap_equal "cpio reads it, parents first" "$(cpio -t --quiet <"$tmp/a" | paste -sd' ')" \
	"bin bin/one dev dev/console"
ktap_equal "content" "$(cd "$tmp" && cpio -i --quiet --to-stdout bin/one <a)" one

rc=0
echo "file /x $tmp/none 0644" | "$mkcpio" >/dev/null 2>&1 || rc=$?
ktap_equal "a source that is not there" "$rc" 1
rc=0
echo "what is this" | "$mkcpio" >/dev/null 2>&1 || rc=$?
ktap_equal "a line that is no entry" "$rc" 1
rc=0
printf 'dir /x 0755\ndir /x 0755\n' | "$mkcpio" >/dev/null 2>&1 || rc=$?
ktap_equal "a name twice" "$rc" 1

# The whole image: made twice, in two caches, from programs that were touched.
one=$(HMMT_CACHE=$tmp/c1 "$HMMT_TOP/tools/vm/image.sh" --tools "$tools" 2>/dev/null)
two=$(HMMT_CACHE=$tmp/c2 "$HMMT_TOP/tools/vm/image.sh" --tools "$tools" 2>/dev/null)
if cmp "$one" "$two" >&2; then
	ktap_pass "the same programs, the same image"
else
	ktap_fail "the same programs, the same image"
fi
stamp=$(stat -c %i.%Y "$one")
again=$(HMMT_CACHE=$tmp/c1 "$HMMT_TOP/tools/vm/image.sh" --tools "$tools" 2>&1)
ktap_equal "not packed twice" "$again $(stat -c %i.%Y "$again")" "$one $stamp"
ktap_end
