/* dns_server: a DNS server on loopback for tests, in a thread of its own, over UDP and TCP on one port. What it answers
 * stands in the first label of the name that it is asked about:
 *
 *     mx  big              an MX; big: cut off over UDP (TC), whole over TCP
 *     null                 a null MX (RFC 7505)
 *     address  address6    no MX, an A or AAAA record
 *     alias  aliasmx       a CNAME to a name with an A record, or with an MX
 *     nothing              the name is there, and nothing of what is asked for
 *     missing              NXDOMAIN
 *     servfail  refused    these
 *     doubtful             no MX, no A, and SERVFAIL for AAAA
 *     silent               no answer
 *     slow                 an MX, DNS_SLOW_MS later
 *     garbage              a well-formed head, and bytes that are no records
 *     noise                no DNS at all
 *     other                an answer to another question
 *
 * A digit string behind the label does not matter: mx7.example is like mx.example. */
#ifndef PUNNET_TEST_DNS_SERVER_H
#define PUNNET_TEST_DNS_SERVER_H

#include "base/base.h"

#define DNS_SLOW_MS 400

struct dns_server;
struct dns_server *dns_server_start(void);
void dns_server_stop(struct dns_server *s);
const char *dns_server_text(const struct dns_server *s); /* "127.0.0.1:port" */
/* Questions for MX so far, repeats among them; of one domain, or of all (NULL). */
unsigned dns_server_asked(struct dns_server *s, const char *domain);
/* While it is deaf it answers nothing. */
void dns_server_deafen(struct dns_server *s, bool deaf);

#endif
