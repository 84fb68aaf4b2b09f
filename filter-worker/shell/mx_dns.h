/* mx_dns: asks the DNS whether domains take mail, many at once, over c-ares. It knows what answers mean, and nothing of
 * batches or memory: that is mx.h's. No thread: it goes on while mx_dns_hear() is called. */
#ifndef PUNNET_MX_DNS_H
#define PUNNET_MX_DNS_H

#include "mx.h"

#define MX_DNS_TIMEOUT_MS 1500 /* of a server's first try; each further round is twice as long */
#define MX_DNS_TRIES      2
#define MX_DNS_EDNS_SIZE  1232 /* an answer that no path cuts in pieces; longer ones come over TCP */
#define MX_DNS_SOCKET_BUF (1 << 20)

/* Once for every question, from within one of the calls below. MX_UNKNOWN: no answer, or one that says nothing. */
typedef void mx_dns_heard(void *ctx, void *token, enum mx_mail mail);

struct mx_dns;
struct mx_dns *mx_dns_open(const char *servers, mx_dns_heard *heard, void *ctx,
			   struct error *ret_error);
void mx_dns_close(struct mx_dns *d); /* what is still open is heard as MX_UNKNOWN */
void mx_dns_ask(struct mx_dns *d, struct slice domain, void *token);
/* Hears what has come; when nothing has, waits for it once, at most so long. */
void mx_dns_hear(struct mx_dns *d, int64_t wait_ms);
uint64_t mx_dns_replies(const struct mx_dns *d); /* that servers sent, whatever was in them */

#endif
