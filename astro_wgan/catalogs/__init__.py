"""Tables and catalogs: conversion, positions, storage and reading."""
