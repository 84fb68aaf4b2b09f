/* keyring: the key files. keys_dir/master.key (seals secrets in the directory topic), keys_dir/fingerprint.key, and
 * keys_dir/seal/2026-11-22.key, one a day, made by whoever seals first that day (written aside, fsync, link). Each file is
 * 64 hex digits. A destroyed day leaves seal/2026-11-22.destroyed behind, and its key is never made again: what it
 * sealed stays sealed for ever. A running process forgets a destroyed key within 10 s. */
#ifndef PUNNET_KEYRING_H
#define PUNNET_KEYRING_H

#include "base/result.h"
#include "lead/fingerprint.h"
#include "lead/seal.h"

struct keyring;
/* make = create the folder and the missing keys (set-up and tests); otherwise a missing master or fingerprint key is
 * RESULT_BAD. */
struct keyring *keyring_open(const char *dir, bool make, struct error *ret_error);
void keyring_free(struct keyring *k);
const uint8_t *keyring_fingerprint_key(const struct keyring *k);
const uint8_t *keyring_master_key(const struct keyring *k);
/* The key of a day (days since 1970 UTC), cached; valid until the next call. NULL: destroyed, not there, or (when make)
 * it could not be made. */
const uint8_t *keyring_day_key(struct keyring *k, uint32_t day, bool make);
/* For the operator: destroys the key of a day, for ever: the file is overwritten where it lies, synced, and removed. Doing it
 * twice is fine. A copy that a backup holds is not reached. */
_must_use_ enum result keyring_destroy_day(struct keyring *k, uint32_t day,
					   struct error *ret_error);

struct keyring_day {
	uint32_t day;
	bool destroyed;
};
/* Every day that has a key or had one, in the order of time; the caller frees *ret_days. */
_must_use_ enum result keyring_days(const struct keyring *k, struct keyring_day **ret_days,
				    size_t *ret_count, struct error *ret_error);

#define KEYRING_DATE_LEN 10
void keyring_date(uint32_t day, char ret[KEYRING_DATE_LEN + 1]); /* 2026-11-22 */
_must_use_ bool keyring_date_read(struct slice text, uint32_t *ret_day);

#endif
