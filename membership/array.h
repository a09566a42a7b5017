/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking an array whose length is kept beside it. Knows no element.
 */
#ifndef MEMBERSHIP_ARRAY_H
#define MEMBERSHIP_ARRAY_H

/* Each element, as pos. The array is not NULL, however short; the body may change n. */
#define array_each(type, pos, array, n) \
	for (type *pos = (array); pos < (array) + (n); pos++)

#endif
