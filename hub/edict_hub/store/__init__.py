"""The hub's state: etcd alone, behind a small interface. Nothing here knows what the values mean."""

from edict_hub.store._connection import EtcdTls
from edict_hub.store._etcd import EtcdStore
from edict_hub.store._model import Changed, Delete, KeyValue, Operation, Page, Put, Relisted, Store, Unchanged
from edict_hub.store._retry import TransientError, retrying

__all__ = [
    "Changed",
    "Delete",
    "EtcdStore",
    "EtcdTls",
    "KeyValue",
    "Operation",
    "Page",
    "Put",
    "Relisted",
    "Store",
    "TransientError",
    "Unchanged",
    "retrying",
]
