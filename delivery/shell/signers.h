/* signers: advertisers' keys, ready to sign. Made once for each secret that the directory holds: which one that is, its sealed
 * bytes say, for revisions count from one again in a directory that was made anew. */
#ifndef PUNNET_DELIVERY_SIGNERS_H
#define PUNNET_DELIVERY_SIGNERS_H

#include "delivery/channels/signature.h"
#include "runtime/secret.h"

#define SEALED_SECRET_MAX (SECRET_NONCE_LEN + SECRET_PLAIN_MAX + SECRET_TAG_LEN)

/* Zero-initialised is empty. */
struct kept_signer {
	struct signer signer;
	bool made;
	size_t sealed_len;
	uint8_t sealed[SEALED_SECRET_MAX];
};

/* The signer for a sealed secret (empty: nothing is signed), of the entry "advertiser/bank-a". NULL: it can't be used. Valid
 * until the next call. */
const struct signer *signer_keep(struct kept_signer *k, const uint8_t master[SECRET_MASTER_LEN],
				 const char *entry_id, struct slice sealed);
/* Leaves nothing of the key behind. */
void signer_forget(struct kept_signer *k);

#endif
