/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hash of a resource's name, by which all members of a lockspace find its directory node.
 * Knows no members.
 */
#ifndef SINEW_TESTS_VM_DLM_HASH_H
#define SINEW_TESTS_VM_DLM_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Bob Jenkins' lookup3 over bytes, little endian, with the initial value that Linux gives it. */
uint32_t dlm_hash(const void *name, size_t len);

#endif
