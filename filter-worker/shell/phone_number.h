/* phone_number: what libphonenumber says of a phone. It keeps no state of ours; its tables load at the first use. May be
 * called from any thread. Nothing it throws gets out: then nothing is known. */
#ifndef PUNNET_PHONE_NUMBER_H
#define PUNNET_PHONE_NUMBER_H

#ifdef __cplusplus
extern "C" {
#endif

struct phone_number {
	const char *standing; /* "valid", "unassigned", "impossible": see core/facts.def */
	const char *line;     /* "mobile", "fixed_line", …; NULL where the plan does not say */
	char region[4];       /* "RU", or "" */
};

/* text: E.164 with '+', or digits as typed. country: where digits are dialled from, may be "". 0 = could not know. */
int phone_number_look(const char *text, const char *country, struct phone_number *ret);

#ifdef __cplusplus
}
#endif

#endif
