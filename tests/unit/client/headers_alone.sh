#!/bin/sh
# Each public header compiles alone, as C99 and as C++11, without a warning.
# usage: headers_alone.sh INCLUDE-DIR
set -eu
cd "$1"
for header in callgate/*.h; do
    printf '#include <%s>\n' "$header" |
        cc -I. -x c -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -
    printf '#include <%s>\n' "$header" |
        c++ -I. -x c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -
    echo "$header: C99 and C++11"
done
