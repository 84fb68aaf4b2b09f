/* phone_number: what libphonenumber says of a phone. What its metadata say of a number in E.164 is answered from
 * core/phone_ranges, all else by the library: some hundred times the work. It keeps no state of ours; the library's tables
 * load when it is first asked. May be called from any thread. Nothing it throws gets out: then nothing is known. */
#ifndef PUNNET_PHONE_NUMBER_H
#define PUNNET_PHONE_NUMBER_H

#include "filter-worker/core/phone_ranges.h"

#ifdef __cplusplus
extern "C" {
#endif

/* text: E.164 with '+', or digits as typed. country: where digits are dialled from, may be "". 0 = could not know. */
int phone_number_look(const char *text, const char *country, struct phone_number *ret);

/* The library's own answer, always. */
int phone_number_ask_library(const char *text, const char *country, struct phone_number *ret);

#ifdef __cplusplus
}
#endif

#endif
