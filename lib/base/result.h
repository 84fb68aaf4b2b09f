/* result: what calls into the world answer. Asserts are for bugs; these are for the world. */
#ifndef PUNNET_RESULT_H
#define PUNNET_RESULT_H

#include "base/base.h"

enum result {
	RESULT_OK,
	RESULT_AGAIN, /* nothing now, or full: call again later */
	RESULT_AWAY,  /* the server can't be reached or doesn't answer in time */
	RESULT_BAD,   /* the input or the configuration is at fault */
	RESULT_FATAL, /* this process can't go on; it must end and start again from the log */
};

#define ERROR_TEXT_LEN 512
/* A sentence for the person who can act; always NUL-terminated. */
struct error {
	char text[ERROR_TEXT_LEN];
};

enum result error_set(struct error *e, enum result r, const char *fmt, ...)
    _printf_(3, 4); /* returns r; e may be NULL */

#endif
