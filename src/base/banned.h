/* Functions that do not compile here: each has a safe replacement in base/.
 * In gate/ and crypto/ (built with SECRET_DOMAIN) comparisons that leak timing are banned too. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#pragma GCC poison atoi atol atoll sscanf strcpy strncpy strcat strncat sprintf vsprintf strtok
#pragma GCC poison gmtime localtime asctime ctime
#ifdef SECRET_DOMAIN
#pragma GCC poison memcmp strcmp strncmp strcasecmp strncasecmp bcmp str_eq_is_not_constant_time
#define str_eq str_eq_is_banned_here_use_name_eq_or_ct_equal
#endif

#endif
