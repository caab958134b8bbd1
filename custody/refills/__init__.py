"""Vaults that are refilled from another one when they have too little"""
