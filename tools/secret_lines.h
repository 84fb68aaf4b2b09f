/* secret_lines: a CSV file of keys or secrets that only its owner may read; lines are added, never changed. */
#ifndef PUNNET_SECRET_LINES_H
#define PUNNET_SECRET_LINES_H

#include "base/result.h"

/* Appends `role,id,value`, under the header when the file is new; it is on the disk when this returns RESULT_OK. RESULT_BAD: it
 * can't be written, the error names file and cause. */
_must_use_ enum result secret_line_add(const char *path, const char *header, const char *role,
				       const char *id, const char *value, struct error *ret_error);

#endif
