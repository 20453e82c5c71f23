#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# docs/errors.md ends with the tables that the programs have, word for word.
set -euo pipefail
HMMT_TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$HMMT_TOP/selftests/ktap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

tools=$("$HMMT_TOP/tools/vm/tools.sh")
{
	"$tools/guest/hmm-bad-input" --list
	"$tools/guest/hmm-fuzz" --list
} >"$tmp/programs"
sed -n '/^## Every command: the struct$/,$p' "$HMMT_TOP/docs/errors.md" >"$tmp/doc"
rows=$(grep -c '^| ' "$tmp/programs" || true)
ktap_match "the programs have a table: $rows rows" "$rows" '^[1-9][0-9][0-9]$'
ktap_equal "docs/errors.md has the same" \
	"$(diff <(sed 1d "$tmp/programs") "$tmp/doc" || true)" ""
# as it would be after an errno was changed in one place only
ktap_match "a row that differs is seen" \
	"$(diff <(sed '1d; s/| E2BIG |/| EINVAL |/' "$tmp/programs") "$tmp/doc" || true)" E2BIG
ktap_end
