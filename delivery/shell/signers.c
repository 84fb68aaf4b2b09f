/* signers: see signers.h. */
#include "signers.h"

static bool make(const uint8_t *master, const char *entry_id, struct slice sealed,
		 struct signer *ret)
{
	_cleanup_(buf_free) struct buf secret = {0};
	bool made;

	*ret = (struct signer){0};
	if (sealed.len == 0)
		return true;
	made = secret_open(master, slice_cstr(entry_id), sealed, &secret) &&
	       signer_make(buf_slice(&secret), ret);
	if (secret.data)
		sodium_memzero(secret.data, secret.cap);
	return made;
}

const struct signer *signer_keep(struct kept_signer *k, const uint8_t master[SECRET_MASTER_LEN],
				 const char *entry_id, struct slice sealed)
{
	if (k->made && slice_equal(slice_of(k->sealed, k->sealed_len), sealed))
		return &k->signer;
	signer_forget(k);
	if (sealed.len > sizeof(k->sealed) || !make(master, entry_id, sealed, &k->signer))
		return NULL;
	if (sealed.len > 0)
		memcpy(k->sealed, sealed.data, sealed.len);
	k->sealed_len = sealed.len;
	k->made = true;
	return &k->signer;
}

void signer_forget(struct kept_signer *k)
{
	sodium_memzero(k, sizeof(*k));
}
