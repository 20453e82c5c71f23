#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tables of what a user may type for seeds, durations, sizes and counts.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/ktap.sh
. "$top/selftests/ktap.sh"
# shellcheck source=tools/campaign/lib.sh
. "$top/tools/campaign/lib.sh"

# table FUNCTION [ARG]: lines "typed parsed", where - means refused
table()
{
	local fn=$1 typed want got

	while read -r typed want; do
		[ -n "$typed" ] || continue
		[ "$typed" != "''" ] || typed=
		got=$("$fn" "$typed" "${@:2}") || got=-
		ktap_equal "$fn '$typed'" "$got" "$want"
	done
}

table parse_seed <<'END'
0 0
1 1
42 42
0x10 16
0XfF 255
0x0000000000000000000000001 1
9223372036854775807 9223372036854775807
0x7fffffffffffffff 9223372036854775807
9223372036854775808 -
0x8000000000000000 -
0x10000000000000000 -
99999999999999999999999 -
010 -
-1 -
+1 -
1e3 -
0x -
12a -
'' -
END

table parse_duration <<'END'
1 1
45s 45
5m 300
2h 7200
720h 2592000
721h -
0 -
0s -
05s -
-5s -
1.5h -
5d -
1h30m -
s -
ms -
99999999999999999999s -
'' -
END

table parse_mem <<'END'
512 512
512M 512
2G 2048
1536M 1536
1024G 1048576
511M -
0 -
2g -
2GB -
2T -
1.5G -
-2G -
99999999999999999999G -
'' -
END

table parse_count 16 <<'END'
1 1
16 16
17 -
0 -
-1 -
two -
2.0 -
01 -
99999999999999999999 -
'' -
END

ktap_end
