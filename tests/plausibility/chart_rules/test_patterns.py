"""What each pattern wants: sex, ages, how many further findings, how serious.

Written out, so that a change of a rule is a change here.
"""

from __future__ import annotations

import pytest

from cds_hooks.consultation import Seriousness
from cds_hooks.plausibility.red_flags import patterns
from fhir_mapping.chart import PatientFacts

PATTERNS = {p.id: p for p in patterns()}

# Pattern: recorded sex, the first year, the first year beyond.
AGES = [
    ("mesenteric-ischemia", "", 40, 200),
    ("testicular-torsion", "male", 0, 40),
    ("priapism", "male", 0, 200),
    ("intussusception", "", 0, 4),
    ("malrotation", "", 0, 1),
    ("pyloric-stenosis", "", 0, 0.5),
    ("henoch-hus", "", 0, 18),
    ("child-abuse", "", 0, 5),
    ("neonatal-jaundice", "", 0, 0.08),
    ("severe-dehydration", "", 0, 6),
    ("pulmonary-embolism-wells", "", 16, 200),
    ("pulmonary-embolism", "", 16, 200),
    ("pulmonary-embolism-d-dimer", "", 16, 200),
    ("severe-pneumonia", "", 16, 200),
    ("bronchiolitis-severe", "", 0, 2),
    ("bacterial-tracheitis", "", 0, 16),
    ("acute-coronary-syndrome", "", 30, 200),
    ("aortic-dissection-add-rs", "", 16, 200),
    ("ruptured-aortic-aneurysm", "", 50, 200),
    ("ruptured-aortic-aneurysm-shock", "male", 60, 200),
    ("acute-heart-failure", "", 16, 200),
    ("acute-heart-failure-peptide", "", 16, 200),
    ("unstable-tachycardia", "", 16, 200),
    ("syncope-high-risk", "", 16, 200),
    ("deep-vein-thrombosis", "", 16, 200),
    ("hypertensive-emergency", "", 16, 200),
    ("myocarditis", "", 0, 50),
    ("aortic-dissection-d-dimer", "", 16, 200),
    ("myocardial-injury", "", 16, 200),
    ("deep-vein-thrombosis-d-dimer", "", 16, 200),
    ("sepsis-news2", "", 16, 200),
    ("sepsis-qsofa", "", 16, 200),
    ("sepsis-pregnancy", "female", 12, 200),
    ("sepsis-child", "", 0, 16),
    ("fever-young-infant", "", 0, 0.165),
    ("kawasaki", "", 0, 8),
    ("septic-arthritis-kocher", "", 0, 16),
    ("necrotizing-fasciitis-lrinec", "", 16, 200),
    ("neonatal-sepsis", "", 0, 0.08),
    ("stroke-fast", "", 18, 200),
    ("stroke-posterior", "", 18, 200),
    ("subarachnoid-hemorrhage", "", 16, 200),
    ("giant-cell-arteritis", "", 50, 200),
    ("spinal-epidural-abscess", "", 16, 200),
    ("ectopic-pregnancy", "female", 12, 55),
    ("preeclampsia", "female", 12, 55),
    ("eclampsia", "female", 12, 55),
    ("hellp", "female", 12, 55),
    ("placental-abruption", "female", 12, 200),
    ("antepartum-hemorrhage", "female", 12, 200),
    ("postpartum-hemorrhage", "female", 12, 200),
    ("ovarian-torsion", "female", 9, 52),
    ("pelvic-inflammatory-disease", "female", 12, 55),
    ("severe-croup", "", 0, 8),
    ("supraventricular-tachycardia", "", 16, 200),
    ("peripartum-cardiomyopathy", "female", 12, 200),
    ("subdural", "", 65, 200),
    ("necrotizing-enterocolitis", "", 0, 0.35),
    ("critical-congenital-heart", "", 0, 0.12),
    ("chorioamnionitis", "female", 12, 200),
    ("puerperal-infection", "female", 12, 200),
    ("slipped-epiphysis", "", 8, 17),
]

# How serious, and how many further findings a pattern wants.
WANTED = {
    ("critical", 0): (
        "perforated-viscus-imaging strangulated-hernia gastrointestinal-bleeding "
        "variceal-bleeding acute-liver-failure spontaneous-bacterial-peritonitis "
        "esophageal-perforation fournier acute-leukemia dic acute-chest-syndrome "
        "retinal-artery-occlusion malrotation henoch-hus child-abuse "
        "pulmonary-embolism-wells pulmonary-embolism-imaging severe-copd-exacerbation "
        "massive-hemoptysis acute-coronary-syndrome-troponin acute-coronary-syndrome-ecg "
        "aortic-dissection-add-rs aortic-dissection-imaging "
        "ruptured-aortic-aneurysm-shock heart-block unstable-tachycardia "
        "hypertensive-emergency cardiogenic-shock aortic-dissection-d-dimer "
        "ventricular-tachycardia sepsis-news2 septic-shock sepsis-pregnancy sepsis-child "
        "fever-young-infant febrile-neutropenia toxic-shock malaria malaria-test "
        "anaphylaxis anaphylaxis-exposure angioedema-airway necrotizing-fasciitis-lrinec "
        "severe-hyperkalemia hyperkalemia-with-ecg severe-hypokalemia "
        "critical-hyponatremia symptomatic-hyponatremia hypoglycemia "
        "diabetic-ketoacidosis diabetic-ketoacidosis-without-ketones hyperosmolar-state "
        "hypercalcemic-crisis severe-acidemia severe-lactic-acidosis "
        "excessive-anticoagulation myxedema-coma stroke-fast "
        "intracranial-hemorrhage-imaging head-injury-signs subarachnoid-hemorrhage "
        "bacterial-meningitis-neck meningitis-csf status-epilepticus "
        "spinal-epidural-abscess coma status-epilepticus-coma acetaminophen-overdose "
        "acetaminophen-late salicylate-poisoning tricyclic-poisoning toxic-alcohol "
        "carbon-monoxide-level methemoglobinemia heat-stroke severe-hypothermia "
        "ich-caustic preeclampsia eclampsia hellp antepartum-hemorrhage "
        "postpartum-hemorrhage severe-croup foreign-body-aspiration "
        "necrotizing-enterocolitis beta-blocker-poisoning eye-injury envenomation "
    ),
    ("critical", 1): (
        "testicular-torsion ruptured-aortic-aneurysm meningococcemia thyroid-storm "
        "myasthenic-crisis ectopic-pregnancy "
    ),
    ("critical", 2): (
        "perforated-viscus ttp intussusception tension-pneumothorax severe-asthma "
        "epiglottitis croup-severe bronchiolitis-severe cardiac-tamponade "
        "acute-limb-ischemia necrotizing-fasciitis tetanus compartment-syndrome "
        "tumor-lysis stroke subarachnoid-hemorrhage-with-signs encephalitis cauda-equina "
        "opioid-overdose cholinergic-crisis carbon-monoxide serotonin-syndrome "
        "neuroleptic-malignant-syndrome placental-abruption pulmonary-renal "
        "splenic-rupture critical-congenital-heart "
    ),
    ("critical", 3): (
        "mesenteric-ischemia bacterial-tracheitis sjs-ten neonatal-sepsis adrenal-crisis "
        "stroke-posterior bacterial-meningitis spinal-cord-compression brain-abscess "
        "toxic-megacolon endophthalmitis "
    ),
    ("serious", 0): (
        "appendicitis acute-pancreatitis gastrointestinal-bleeding-score "
        "severe-acute-hepatitis hepatic-encephalopathy obstructed-infected-kidney "
        "acute-urinary-retention priapism retinal-detachment keratitis neonatal-jaundice "
        "pulmonary-embolism-d-dimer acute-respiratory-failure severe-pneumonia "
        "pneumonia-hypoxemic pneumothorax-imaging acute-heart-failure-peptide "
        "syncope-high-risk syncope-exertional deep-vein-thrombosis "
        "deep-vein-thrombosis-imaging myocarditis myocardial-injury "
        "deep-vein-thrombosis-d-dimer sepsis-qsofa fever-under-chemotherapy "
        "orbital-cellulitis septic-arthritis-kocher hypokalemia-with-signs "
        "severe-hyponatremia severe-hypernatremia symptomatic-hypercalcemia "
        "severe-hypocalcemia severe-hypomagnesemia severe-hypophosphatemia severe-anemia "
        "severe-thrombocytopenia inr-critical acute-kidney-failure rhabdomyolysis "
        "head-injury-anticoagulated overdose local-anesthetic-or-cocaine hypothermia "
        "suicide-risk pelvic-inflammatory-disease supraventricular-tachycardia "
        "cerebral-venous-thrombosis dengue chorioamnionitis puerperal-infection "
        "hip-fracture slipped-epiphysis mastoiditis "
    ),
    ("serious", 1): ("pancytopenia cervical-artery-dissection "),
    ("serious", 2): (
        "acute-cholecystitis bowel-obstruction lower-gastrointestinal-bleeding "
        "spontaneous-bacterial-peritonitis-signs pyloric-stenosis pulmonary-embolism "
        "deep-neck-infection copd-exacerbation endocarditis septic-arthritis "
        "giant-cell-arteritis raised-intracranial-pressure guillain-barre botulism "
        "wernicke digoxin-toxicity lithium-toxicity ovarian-torsion peritonsillar-abscess "
        "pneumocystis peripartum-cardiomyopathy rocky-mountain anticholinergic-poisoning "
    ),
    ("serious", 3): (
        "appendicitis-signs cholangitis superior-vena-cava angle-closure-glaucoma "
        "severe-dehydration acute-coronary-syndrome pulmonary-tuberculosis subdural dress "
        "acute-hemolysis "
    ),
    ("serious", 4): ("acute-heart-failure kawasaki alcohol-withdrawal "),
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
