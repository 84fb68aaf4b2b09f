/* load_body: leads as a webmaster's server sends them. Lead n is the same at every call, and no two are alike in phone,
 * e-mail or payload, so that nothing is a duplicate. About 600 bytes. */
#ifndef PUNNET_BENCH_LOAD_BODY_H
#define PUNNET_BENCH_LOAD_BODY_H

#include "base/slice.h"

#define LOAD_LEAD_MAX  1024
#define LOAD_MORE_MAX  4000
#define LOAD_LEADS_END 60000000 /* phones are used up then */

/* Writes lead n as a JSON object without a line end; returns its length. */
size_t load_lead_json(char ret[LOAD_LEAD_MAX], uint64_t n);
/* The same with a member more of so many bytes, which no compressor makes small. `ret` has LOAD_LEAD_MAX + more. */
size_t load_lead_json_more(char *ret, uint64_t n, size_t more);
/* The same lead as application/x-www-form-urlencoded. */
size_t load_lead_form(char ret[LOAD_LEAD_MAX], uint64_t n);

#endif
