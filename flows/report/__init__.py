"""What people see: the sentence, the chart and the page, all drawn from one record.

>>> from flows.report.record import IncidentView
>>> from flows.report.sentences import headline, lines
>>> from flows.report.chart import day_strip, detail_chart
>>> from flows.report.page import incident_page
"""
