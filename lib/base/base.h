/* base: the few macros that everything uses. Pure: no clock, no randomness, no I/O anywhere in lib/base. */
#ifndef PUNNET_BASE_H
#define PUNNET_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef NDEBUG
#error "asserts stay on in every build"
#endif

#define _must_use_       __attribute__((warn_unused_result))
#define _printf_(fmt, a) __attribute__((format(printf, fmt, a)))
#define _unused_         __attribute__((unused))
#define _rare_           __attribute__((noinline, cold)) /* so that the usual way stays short */
#define _always_inline_  inline __attribute__((always_inline))
#define _cleanup_(f)     __attribute__((cleanup(f)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/* Times are milliseconds since 1970-01-01 UTC, in int64_t, unless the name says otherwise. */
#define MS_PER_S    1000LL
#define MS_PER_MIN  (60 * MS_PER_S)
#define MS_PER_HOUR (60 * MS_PER_MIN)
#define MS_PER_DAY  (24 * MS_PER_HOUR)

#endif
