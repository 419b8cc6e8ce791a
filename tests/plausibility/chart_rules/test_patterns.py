"""What each pattern wants: sex, ages, how many further findings, how serious.

Written out, so that a change of a rule is a change here.
"""

from __future__ import annotations

import pytest

from cds_hooks.consultation import Seriousness
from cds_hooks.plausibility.chart_rules.finding_patterns import patterns
from fhir_mapping.chart import PatientFacts

PATTERNS = {p.id: p for p in patterns()}

# Pattern: recorded sex, the first year, the first year beyond.
AGES = [
    ("mesenteric-ischemia", "", 40, 200),
    ("bacterial-tracheitis", "", 0, 16),
    ("severe-croup", "", 0, 8),
    ("stroke-fast", "", 18, 200),
    ("stroke-posterior", "", 18, 200),
    ("bronchiolitis-severe", "", 0, 2),
    ("kawasaki", "", 0, 8),
    ("intussusception", "", 0, 4),
    ("malrotation", "", 0, 1),
    ("pyloric-stenosis", "", 0, 0.5),
    ("henoch-hus", "", 0, 18),
    ("child-abuse", "", 0, 5),
    ("neonatal-jaundice", "", 0, 0.08),
    ("severe-dehydration", "", 0, 6),
    ("necrotizing-enterocolitis", "", 0, 0.35),
    ("critical-congenital-heart", "", 0, 0.12),
    ("subarachnoid-hemorrhage", "", 16, 200),
    ("giant-cell-arteritis", "", 50, 200),
    ("subdural", "", 65, 200),
    ("supraventricular-tachycardia", "", 16, 200),
    ("acute-coronary-syndrome", "", 30, 200),
    ("acute-heart-failure", "", 16, 200),
    ("acute-heart-failure-peptide", "", 16, 200),
    ("unstable-tachycardia", "", 16, 200),
    ("syncope-high-risk", "", 16, 200),
    ("myocarditis", "", 0, 50),
    ("myocardial-injury", "", 16, 200),
    ("testicular-torsion", "male", 0, 40),
    ("priapism", "male", 0, 200),
    ("severe-pneumonia", "", 16, 200),
    ("ectopic-pregnancy", "female", 12, 55),
    ("preeclampsia", "female", 12, 55),
    ("eclampsia", "female", 12, 55),
    ("hellp", "female", 12, 55),
    ("placental-abruption", "female", 12, 200),
    ("antepartum-hemorrhage", "female", 12, 200),
    ("postpartum-hemorrhage", "female", 12, 200),
    ("ovarian-torsion", "female", 9, 52),
    ("pelvic-inflammatory-disease", "female", 12, 55),
    ("peripartum-cardiomyopathy", "female", 12, 200),
    ("chorioamnionitis", "female", 12, 200),
    ("puerperal-infection", "female", 12, 200),
    ("sepsis-news2", "", 16, 200),
    ("sepsis-qsofa", "", 16, 200),
    ("sepsis-pregnancy", "female", 12, 200),
    ("sepsis-child", "", 0, 16),
    ("fever-young-infant", "", 0, 0.165),
    ("neonatal-sepsis", "", 0, 0.08),
    ("septic-arthritis-kocher", "", 0, 16),
    ("necrotizing-fasciitis-lrinec", "", 16, 200),
    ("slipped-epiphysis", "", 8, 17),
    ("spinal-epidural-abscess", "", 16, 200),
    ("pulmonary-embolism-wells", "", 16, 200),
    ("pulmonary-embolism", "", 16, 200),
    ("pulmonary-embolism-d-dimer", "", 16, 200),
    ("aortic-dissection-add-rs", "", 16, 200),
    ("ruptured-aortic-aneurysm", "", 50, 200),
    ("ruptured-aortic-aneurysm-shock", "male", 60, 200),
    ("deep-vein-thrombosis", "", 16, 200),
    ("hypertensive-emergency", "", 16, 200),
    ("aortic-dissection-d-dimer", "", 16, 200),
    ("deep-vein-thrombosis-d-dimer", "", 16, 200),
]

# How serious, and how many further findings a pattern wants.
WANTED = {
    ("critical", 0): (
        "perforated-viscus-imaging strangulated-hernia esophageal-perforation anaphylaxis "
        "anaphylaxis-exposure angioedema-airway severe-croup foreign-body-aspiration "
        "excessive-anticoagulation acute-leukemia dic acute-chest-syndrome stroke-fast "
        "bacterial-meningitis-neck meningitis-csf status-epilepticus coma "
        "status-epilepticus-coma malrotation henoch-hus child-abuse "
        "necrotizing-enterocolitis severe-hyperkalemia hyperkalemia-with-ecg "
        "severe-hypokalemia critical-hyponatremia symptomatic-hyponatremia "
        "hypercalcemic-crisis severe-acidemia severe-lactic-acidosis heat-stroke "
        "severe-hypothermia retinal-artery-occlusion eye-injury hypoglycemia "
        "diabetic-ketoacidosis diabetic-ketoacidosis-without-ketones hyperosmolar-state "
        "myxedema-coma diabetic-ketoacidosis-gas intracranial-hemorrhage-imaging "
        "head-injury-signs subarachnoid-hemorrhage acute-coronary-syndrome-troponin "
        "acute-coronary-syndrome-ecg heart-block unstable-tachycardia "
        "ventricular-tachycardia fournier gastrointestinal-bleeding variceal-bleeding "
        "acute-liver-failure spontaneous-bacterial-peritonitis severe-copd-exacerbation "
        "massive-hemoptysis acetaminophen-overdose acetaminophen-late "
        "salicylate-poisoning tricyclic-poisoning toxic-alcohol carbon-monoxide-level "
        "methemoglobinemia ich-caustic beta-blocker-poisoning preeclampsia eclampsia "
        "hellp antepartum-hemorrhage postpartum-hemorrhage sepsis-news2 septic-shock "
        "sepsis-pregnancy sepsis-child fever-young-infant febrile-neutropenia toxic-shock "
        "malaria malaria-test necrotizing-fasciitis-lrinec envenomation "
        "spinal-epidural-abscess pulmonary-embolism-wells pulmonary-embolism-imaging "
        "aortic-dissection-add-rs aortic-dissection-imaging "
        "ruptured-aortic-aneurysm-shock hypertensive-emergency cardiogenic-shock "
        "aortic-dissection-d-dimer "
    ),
    ("critical", 1): (
        "thyroid-storm testicular-torsion ectopic-pregnancy meningococcemia "
        "myasthenic-crisis ruptured-aortic-aneurysm "
    ),
    ("critical", 2): (
        "perforated-viscus splenic-rupture epiglottitis croup-severe tumor-lysis ttp "
        "stroke encephalitis bronchiolitis-severe intussusception "
        "critical-congenital-heart subarachnoid-hemorrhage-with-signs cardiac-tamponade "
        "tension-pneumothorax severe-asthma pulmonary-renal opioid-overdose "
        "cholinergic-crisis carbon-monoxide serotonin-syndrome "
        "neuroleptic-malignant-syndrome placental-abruption tetanus necrotizing-fasciitis "
        "cauda-equina acute-limb-ischemia "
    ),
    ("critical", 3): (
        "mesenteric-ischemia toxic-megacolon bacterial-tracheitis stroke-posterior "
        "bacterial-meningitis endophthalmitis adrenal-crisis brain-abscess "
        "neonatal-sepsis sjs-ten compartment-syndrome spinal-cord-compression "
    ),
    ("serious", 0): (
        "acute-coronary-syndrome-troponin-atypical "
        "appendicitis mastoiditis severe-anemia severe-thrombocytopenia inr-critical "
        "neonatal-jaundice hypokalemia-with-signs severe-hyponatremia "
        "severe-hypernatremia symptomatic-hypercalcemia severe-hypocalcemia "
        "severe-hypomagnesemia severe-hypophosphatemia rhabdomyolysis hypothermia "
        "suicide-risk orbital-cellulitis retinal-detachment keratitis "
        "head-injury-anticoagulated cerebral-venous-thrombosis "
        "supraventricular-tachycardia acute-heart-failure-peptide syncope-high-risk "
        "syncope-exertional myocarditis myocardial-injury acute-kidney-failure "
        "obstructed-infected-kidney acute-urinary-retention priapism acute-pancreatitis "
        "gastrointestinal-bleeding-score severe-acute-hepatitis hepatic-encephalopathy "
        "acute-respiratory-failure severe-pneumonia pneumonia-hypoxemic "
        "pneumothorax-imaging overdose local-anesthetic-or-cocaine "
        "pelvic-inflammatory-disease chorioamnionitis puerperal-infection sepsis-qsofa "
        "fever-under-chemotherapy dengue septic-arthritis-kocher hip-fracture "
        "slipped-epiphysis pulmonary-embolism-d-dimer deep-vein-thrombosis "
        "deep-vein-thrombosis-imaging deep-vein-thrombosis-d-dimer "
    ),
    ("serious", 1): ("pancytopenia cervical-artery-dissection "),
    ("serious", 2): (
        "bowel-obstruction deep-neck-infection peritonsillar-abscess pyloric-stenosis "
        "wernicke giant-cell-arteritis raised-intracranial-pressure acute-cholecystitis "
        "lower-gastrointestinal-bleeding spontaneous-bacterial-peritonitis-signs "
        "copd-exacerbation pneumocystis digoxin-toxicity lithium-toxicity "
        "anticholinergic-poisoning ovarian-torsion peripartum-cardiomyopathy "
        "rocky-mountain endocarditis septic-arthritis guillain-barre botulism "
        "pulmonary-embolism "
    ),
    ("serious", 3): (
        "appendicitis-signs acute-hemolysis severe-dehydration alcohol-withdrawal "
        "angle-closure-glaucoma subdural acute-coronary-syndrome cholangitis "
        "pulmonary-tuberculosis dress superior-vena-cava "
    ),
    ("serious", 4): ("kawasaki acute-heart-failure "),
}


@pytest.mark.parametrize(("name", "sex", "first", "beyond"), AGES)
def test_a_pattern_speaks_of_its_ages(name: str, sex: str, first: float, beyond: float) -> None:
    pattern, own = PATTERNS[name], sex or "female"
    assert pattern.fits(PatientFacts(first, own))
    if first or beyond < 200:
        assert not pattern.fits(PatientFacts(None, own))
    if first:
        assert not pattern.fits(PatientFacts(first - 0.001, own))
    if beyond < 200:
        assert pattern.fits(PatientFacts(beyond - 0.001, own))
        assert not pattern.fits(PatientFacts(beyond, own))
    assert pattern.fits(PatientFacts(first, "male" if own == "female" else "female")) is (not sex)
    assert pattern.fits(PatientFacts(first, None)) is (not sex)


def test_every_pattern_with_an_age_or_a_sex_is_in_the_table() -> None:
    bounded = {p.id for p in patterns() if p.from_years > 0 or p.below_years < 200 or p.sex}
    assert bounded == {row[0] for row in AGES}
    assert all(p.fits(PatientFacts(None, None)) for p in patterns() if p.id not in bounded)


def test_every_pattern_wants_as_many_findings_as_the_table_says() -> None:
    told = {(p.seriousness, p.at_least, p.id) for p in patterns()}
    assert told == {
        (Seriousness(level), count, name)
        for (level, count), names in WANTED.items()
        for name in names.split()
    }
