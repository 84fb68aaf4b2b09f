#include "result.h"

#include <stdarg.h>
#include <stdio.h>

enum result error_set(struct error *e, enum result r, const char *fmt, ...)
{
	va_list args;

	if (!e)
		return r;
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	return r;
}
