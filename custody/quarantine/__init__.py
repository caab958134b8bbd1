"""Deposits that are held before they are credited, by rule or by hand, and their release"""
