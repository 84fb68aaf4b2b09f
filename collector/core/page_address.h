/* page_address: addresses of pages without the person in them.
 *
 * landing_url and referrer stand in the log in the clear, and forms that are sent as GET, links in mails and some trackers put a
 * phone or an e-mail address into them. Each part of an address that holds one (a value of a parameter, a step of the path,
 * the host with a user before it) is emptied; everything else stays as it was sent.
 *
 * Emptied is a part that, decoded (up to three times),
 *   - has an "@" in it;
 *   - is written like a phone and nothing else: 10 to 15 digits, or 7 to 15 after a "+";
 *   - holds the lead's own phone among its digits, or is one of the lead's own names.
 * Not found: other people's names, and what is encoded in other ways, such as Base64. */
#ifndef PUNNET_COLLECTOR_PAGE_ADDRESS_H
#define PUNNET_COLLECTOR_PAGE_ADDRESS_H

#include "draft.h"

/* After the draft's phone and names are checked. */
void page_addresses_clean(struct draft *d);

#endif
