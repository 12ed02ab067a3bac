"""The numbers of :class:`edict.errors.TrustError`: one meaning each, never used for another."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Why something signed is refused; printed as ``EDICT02xx``."""

    NOT_METADATA = 201
    """Not TUF metadata, of another kind than its place, or larger than 8 MiB."""
    SIGNATURES = 202
    """Fewer good signatures than the role's threshold, or a role that nobody delegates."""
    KEY_TWICE = 203
    """One public key signed under two key ids."""
    EXPIRED = 204
    """The metadata's own expiry has passed."""
    OTHER_BYTES = 205
    """The bytes are not those that the metadata above was signed for."""
    OTHER_ROOT = 206
    """The trust root is not the pinned one."""
    ROLLBACK = 207
    """Older than what was already accepted, or a role that was there is gone."""
    MISSING = 208
    """A file that the release needs was neither sent nor held."""
    SPLIT_VIEW = 209
    """One version with two contents: the hub says different things to different clusters."""
    MIXED = 210
    """A file of one release stands in another."""
    TWO_DELEGATORS = 211
    """Two roles delegate to the same role."""
    LEFT_OUT = 212
    """The snapshot leaves out a role that is delegated."""
    FOREIGN_PATH = 213
    """A role names a document that is not its own to name."""
    SHAPE = 214
    """Well signed, and saying something that this version does not accept."""
    BEYOND_LIMITS = 215
    """A document says what the delegator does not let its signer say."""
    THRESHOLD = 216
    """A role asks for no signature, or for more than it has keys."""
    OTHER_DOCUMENT = 220
    """A document's bytes are not those that were signed for."""
    COPY_DIFFERS = 221
    """The signed copy of placement, labels or receipt key differs from the document."""
    KEY_UNUSABLE = 230
    """An author's key file is missing, exposed, of another kind, or the passphrase is wrong."""
    KEY_EXISTS = 231
    """A key would overwrite a file."""
    KEY_KIND = 232
    """A key of a kind that does not sign here, or an address of a key that names no such kind."""
    KEY_LIBRARY = 233
    """The library or the PKCS#11 module that a key's kind needs is not there."""
    KEY_DEVICE = 234
    """The device or service that holds a key is not there, does not hold it, or refused to sign."""
    KEY_PIN = 235
    """The PIN of a device was refused."""
    RECEIPT_TOO_LARGE = 240
    """A receipt above 64 KiB."""
    NOT_A_RECEIPT = 241
    """Not an envelope around a receipt."""
    RECEIPT_KEY = 242
    """Not signed by the key that authors pinned for the cluster."""
    OTHER_CLUSTER = 243
    """A receipt that speaks of another cluster."""
    CHAIN = 244
    """A receipt is missing, out of order, or was replaced."""
    STATE_DIGEST = 245
    """The receipts do not add up to the state that they sign for."""
    NOT_AN_EXPORT = 250
    """A file that is no export of evidence, is damaged, or ends early."""
    RELEASE_UNKNOWN = 251
    """A release that receipts speak of, or that others follow, is not in the verified history."""
    NOT_PLACED = 252
    """A receipt reports a document that its release does not place on the cluster."""
    OTHER_HEAD = 253
    """The chain does not have the receipt that the cluster itself has as its head."""
    NO_EVIDENCE = 254
    """A cluster whose receipt key is pinned, and not one receipt of it."""
    NO_DOCUMENT = 255
    """A document that a release names is not in the export."""
    WENT_BACK = 256
    """A cluster signed an older release after a newer one."""
